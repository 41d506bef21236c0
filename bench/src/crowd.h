/* crowd.h: many clients that connect, register, and then stay or leave. */
#ifndef D2K_BENCH_CROWD_H
#define D2K_BENCH_CROWD_H

#include "client.h"

struct crowd {
    struct client *clients;
    unsigned count;
    unsigned at_once; /* so many may be connecting at a time */
    int epoll, port;
    bool leave; /* each leaves as soon as it is registered, and counts when the server has closed */
    void (*welcome)(struct client *client); /* NULL, or: is registered now; may ask for more, and
                                               counts when all is answered */

    unsigned next, done, failed;
    unsigned first_open; /* all before it are done or failed */
    const char *why;     /* the first failure */
};

/* Clients of one protocol with numbers from `first_number`. */
struct client *crowd_clients(const char *protocol, unsigned count, unsigned first_number);
/* Starts all and drives them until each is done or has failed, or until the time is over; returns
 * how many are done. */
unsigned crowd_open(struct crowd *crowd, double limit_s);
/* As crowd_open(); anything less than all ends the program. */
void crowd_open_all(struct crowd *crowd, double limit_s);

#endif
