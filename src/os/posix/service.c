/* os/posix/service.c: the service manager's side of starting: environment, descriptors, datagrams.
 */
#include "os/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A decimal number that is all of the variable; false: it is missing or something else. */
static bool number_of(const char *name, uint64_t max, uint64_t *ret_number)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* The variables may have come from the service manager to a parent of ours that is its own. */
static bool is_for_us(const char *name)
{
    uint64_t pid;
    return number_of(name, INT32_MAX, &pid) && pid == (uint64_t)getpid();
}

unsigned os_service_sockets(void)
{
    uint64_t count = 0;
    if (!is_for_us("LISTEN_PID") || !number_of("LISTEN_FDS", OS_SERVICE_SOCKETS_MAX, &count)) {
        count = 0;
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    for (int i = 0; i < (int)count; i++) {
        (void)fcntl(OS_SERVICE_FIRST_SOCKET + i, F_SETFD, FD_CLOEXEC);
    }
    return (unsigned)count;
}

/* "@name" is an abstract address, which begins with NUL and ends where its size says. */
static int address_of(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_size)
{
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length < 2) {
        return EINVAL;
    }
    if (length >= sizeof ret_address->sun_path) {
        return ENAMETOOLONG;
    }
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->sun_family = AF_UNIX;
    memcpy(ret_address->sun_path, path, length);
    if (path[0] == '@') {
        ret_address->sun_path[0] = '\0';
    }
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

int os_service_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;
    if (path == NULL || path[0] == '\0') {
        return 0;
    }
    int error = address_of(path, &address, &size);
    if (error != 0) {
        return error;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                          (const struct sockaddr *)(const void *)&address, size);
    error = sent < 0 ? errno : 0;
    (void)close(fd);
    return error;
}

uint64_t os_service_watchdog_ms(void)
{
    uint64_t interval_us;
    bool for_another = getenv("WATCHDOG_PID") != NULL && !is_for_us("WATCHDOG_PID");
    if (for_another || !number_of("WATCHDOG_USEC", UINT64_MAX - 1, &interval_us)) {
        return 0;
    }
    return interval_us / 1000;
}

void os_service_let_child_speak(void)
{
    if (getenv("WATCHDOG_PID") != NULL && !is_for_us("WATCHDOG_PID")) {
        (void)unsetenv("WATCHDOG_USEC");
    }
    (void)unsetenv("WATCHDOG_PID");
}

bool os_service_stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uint64_t device, inode;
    struct stat st;
    return stream != NULL && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && (uint64_t)st.st_dev == device &&
           (uint64_t)st.st_ino == inode;
}
