/* os/posix/poller.c: epoll, eventfd, signal handlers. */
#include "os/poller.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AT_ONCE_MAX 64u

struct os_poller {
    int fd;
};

int os_poller_new(struct os_poller **ret_poller)
{
    struct os_poller *poller = malloc(sizeof *poller);
    if (poller == NULL) {
        return ENOMEM;
    }
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    if (poller->fd < 0) {
        int error = errno;
        free(poller);
        return error;
    }
    *ret_poller = poller;
    return 0;
}

void os_poller_free(struct os_poller *poller)
{
    if (poller != NULL) {
        (void)close(poller->fd);
        free(poller);
    }
}

static int control(struct os_poller *poller, int operation, int fd, int events, void *data)
{
    struct epoll_event event = {.data.ptr = data};
    event.events = ((events & OS_READABLE) != 0 ? (uint32_t)EPOLLIN : 0) |
                   ((events & OS_WRITABLE) != 0 ? (uint32_t)EPOLLOUT : 0);
    return epoll_ctl(poller->fd, operation, fd, &event) == 0 ? 0 : errno;
}

int os_poller_add(struct os_poller *poller, int fd, int events, void *data)
{
    return control(poller, EPOLL_CTL_ADD, fd, events, data);
}

void os_poller_change(struct os_poller *poller, int fd, int events, void *data)
{
    (void)control(poller, EPOLL_CTL_MOD, fd, events, data);
}

void os_poller_remove(struct os_poller *poller, int fd)
{
    (void)control(poller, EPOLL_CTL_DEL, fd, 0, NULL);
}

static int events_of(uint32_t events)
{
    return ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ? OS_READABLE : 0) |
           ((events & EPOLLOUT) != 0 ? OS_WRITABLE : 0);
}

unsigned os_poller_wait(struct os_poller *poller, struct os_ready *ret_ready, unsigned max,
                        int timeout_ms)
{
    struct epoll_event events[AT_ONCE_MAX];
    int count =
        epoll_wait(poller->fd, events, (int)(max < AT_ONCE_MAX ? max : AT_ONCE_MAX), timeout_ms);
    for (int i = 0; i < count; i++) {
        ret_ready[i].data = events[i].data.ptr;
        ret_ready[i].events = events_of(events[i].events);
    }
    return count > 0 ? (unsigned)count : 0;
}

/* ---- wake-ups ---- */

int os_wakeup_new(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void os_wakeup_send(int wakeup)
{
    const uint64_t one = 1;
    ssize_t size = write(wakeup, &one, sizeof one);
    (void)size; /* it fails only when it is readable already */
}

void os_wakeup_take(int wakeup)
{
    uint64_t count;
    ssize_t size = read(wakeup, &count, sizeof count);
    (void)size;
}

/* ---- signals ---- */

static atomic_int signal_wakeup = -1;
static atomic_uint signals_came;

static void on_signal(int number)
{
    int saved = errno;
    atomic_fetch_or(&signals_came, number == SIGHUP ? OS_ASKED_TO_READ_AGAIN : OS_ASKED_TO_END);
    os_wakeup_send(atomic_load(&signal_wakeup));
    errno = saved;
}

static int handle_signals(void (*handler)(int))
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = handler;
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (sigaction(signals[i], &action, NULL) != 0) {
            return errno;
        }
    }
    return 0;
}

int os_signals_catch(int wakeup)
{
    atomic_store(&signal_wakeup, wakeup);
    return handle_signals(on_signal);
}

void os_signals_release(void)
{
    (void)handle_signals(SIG_DFL);
    atomic_store(&signals_came, 0); /* what came is not for whoever catches them next */
}

unsigned os_signals_take(void)
{
    return atomic_exchange(&signals_came, 0);
}
