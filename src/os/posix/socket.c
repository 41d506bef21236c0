/* os/posix/socket.c: non-blocking stream sockets over IPv4, IPv6 and local addresses. */
#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCAL_SOCKET_MODE 0600
#define POLL_ON_STACK     16 /* more sockets than this cost an allocation */

_Static_assert(sizeof(struct sockaddr_in6) <= OS_ADDRESS_SIZE, "IPv6 addresses fit");
_Static_assert(sizeof(struct sockaddr_un) <= OS_ADDRESS_SIZE, "local addresses fit");
_Static_assert(sizeof(struct sockaddr_storage) <= OS_ADDRESS_SIZE, "every address fits");

static const struct sockaddr *native(const struct os_address *address)
{
    return (const struct sockaddr *)(const void *)address->bytes;
}

static void set_native(struct os_address *address, const void *sockaddr, size_t size)
{
    memset(address, 0, sizeof *address);
    memcpy(address->bytes, sockaddr, size);
    address->size = (unsigned)size;
}

static sa_family_t family_of(const struct os_address *address)
{
    return address->size >= sizeof(sa_family_t) ? native(address)->sa_family : AF_UNSPEC;
}

/* Host as text; true when it is IPv6 and needs brackets in front of a port. */
static bool format_host(const struct os_address *address, char *text, size_t size,
                        uint16_t *ret_port)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (family_of(address) == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address->bytes, sizeof v4);
        (void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
        snprintf(text, size, "%s", host);
        *ret_port = ntohs(v4.sin_port);
        return false;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, address->bytes, sizeof v6);
    *ret_port = ntohs(v6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        (void)inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, host, sizeof host);
        snprintf(text, size, "%s", host);
        return false;
    }
    (void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    if (v6.sin6_scope_id != 0) {
        snprintf(text, size, "%s%%%u", host, v6.sin6_scope_id);
    } else {
        snprintf(text, size, "%s", host);
    }
    return true;
}

static bool is_internet(const struct os_address *address)
{
    return family_of(address) == AF_INET || family_of(address) == AF_INET6;
}

static const char *name_without_host(const struct os_address *address)
{
    return family_of(address) == AF_UNIX ? "local" : "?";
}

void os_address_format(const struct os_address *address, char *ret_text, size_t size)
{
    if (!is_internet(address)) {
        snprintf(ret_text, size, "%s", name_without_host(address));
        return;
    }
    char host[OS_ADDRESS_TEXT_MAX - 16];
    uint16_t port;
    bool is_v6 = format_host(address, host, sizeof host, &port);
    snprintf(ret_text, size, is_v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

void os_address_format_host(const struct os_address *address, char *ret_text, size_t size)
{
    if (!is_internet(address)) {
        snprintf(ret_text, size, "%s", name_without_host(address));
        return;
    }
    uint16_t port;
    (void)format_host(address, ret_text, size, &port);
}

static int parse_v6(char *host, uint16_t port, struct os_address *ret_address)
{
    struct sockaddr_in6 v6;
    memset(&v6, 0, sizeof v6);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    char *scope = strchr(host, '%');
    if (scope != NULL) {
        *scope++ = '\0';
        v6.sin6_scope_id = if_nametoindex(scope);
        if (v6.sin6_scope_id == 0) {
            char *end;
            unsigned long number = strtoul(scope, &end, 10);
            if (scope[0] < '0' || scope[0] > '9' || *end != '\0' || number > UINT32_MAX) {
                return EINVAL;
            }
            v6.sin6_scope_id = (uint32_t)number;
        }
    }
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1) {
        return EINVAL;
    }
    set_native(ret_address, &v6, sizeof v6);
    return 0;
}

int os_address_parse(const char *host, uint16_t port, struct os_address *ret_address)
{
    char plain[OS_ADDRESS_TEXT_MAX];
    size_t length = strlen(host);
    bool bracketed = length >= 2 && host[0] == '[' && host[length - 1] == ']';
    if (bracketed) {
        host++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof plain) {
        return EINVAL;
    }
    memcpy(plain, host, length);
    plain[length] = '\0';

    struct sockaddr_in v4;
    memset(&v4, 0, sizeof v4);
    if (!bracketed && inet_pton(AF_INET, plain, &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        set_native(ret_address, &v4, sizeof v4);
        return 0;
    }
    return parse_v6(plain, port, ret_address);
}

static int resolver_error(int code)
{
    switch (code) {
    case EAI_AGAIN:
        return EAGAIN;
    case EAI_MEMORY:
        return ENOMEM;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_FAIL:
        return ENOENT;
    default:
        return EIO;
    }
}

static size_t loopback_addresses(uint16_t port, struct os_address *ret_addresses, size_t max)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0] && count < max; i++) {
        count += os_address_parse(loopback[i], port, &ret_addresses[count]) == 0;
    }
    return count;
}

int os_address_resolve(const char *host, uint16_t port, struct os_address *ret_addresses,
                       size_t max, size_t *ret_count)
{
    char service[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    *ret_count = 0;
    if (max > 0 && os_address_parse(host, port, &ret_addresses[0]) == 0) {
        *ret_count = 1;
        return 0;
    }
    if (strcasecmp(host, "localhost") == 0) {
        *ret_count = loopback_addresses(port, ret_addresses, max);
        return *ret_count > 0 ? 0 : ENOENT;
    }
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0) {
        return resolver_error(code);
    }
    for (const struct addrinfo *at = found; at != NULL && *ret_count < max; at = at->ai_next) {
        if (at->ai_family == AF_INET || at->ai_family == AF_INET6) {
            set_native(&ret_addresses[(*ret_count)++], at->ai_addr, at->ai_addrlen);
        }
    }
    freeaddrinfo(found);
    return *ret_count > 0 ? 0 : ENOENT;
}

int os_address_from_bytes(const void *bytes, size_t size, uint16_t port,
                          struct os_address *ret_address)
{
    if (size == sizeof(struct in_addr)) {
        struct sockaddr_in v4;
        memset(&v4, 0, sizeof v4);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        memcpy(&v4.sin_addr, bytes, size);
        set_native(ret_address, &v4, sizeof v4);
        return 0;
    }
    if (size == sizeof(struct in6_addr)) {
        struct sockaddr_in6 v6;
        memset(&v6, 0, sizeof v6);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        memcpy(&v6.sin6_addr, bytes, size);
        set_native(ret_address, &v6, sizeof v6);
        return 0;
    }
    return EINVAL;
}

int os_address_local(const char *path, struct os_address *ret_address)
{
    struct sockaddr_un local;
    memset(&local, 0, sizeof local);
    local.sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length == 0) {
        return EINVAL;
    }
    if (length >= sizeof local.sun_path) {
        return ENAMETOOLONG;
    }
    memcpy(local.sun_path, path, length);
    set_native(ret_address, &local, sizeof local);
    return 0;
}

static int new_socket(sa_family_t family, int *ret_fd)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    *ret_fd = fd;
    return 0;
}

static int set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) == 0 ? 0 : errno;
}

static int bind_internet(int fd, const struct os_address *address)
{
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (error == 0 && family_of(address) == AF_INET6) {
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    }
    if (error == 0 && bind(fd, native(address), address->size) != 0) {
        error = errno;
    }
    return error;
}

static int remove_stale_socket(const struct os_address *address)
{
    struct sockaddr_un local;
    memcpy(&local, address->bytes, sizeof local);
    struct stat st;
    if (lstat(local.sun_path, &st) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return EADDRINUSE; /* never remove what was not ours */
    }
    int fd = -1;
    int error = new_socket(AF_UNIX, &fd);
    if (error != 0) {
        return error;
    }
    error = connect(fd, native(address), address->size) == 0 ? 0 : errno;
    (void)close(fd);
    if (error == ENOENT) {
        return 0;
    }
    if (error != ECONNREFUSED) { /* EAGAIN too: somebody is there and busy */
        return error == 0 || error == EAGAIN ? EADDRINUSE : error;
    }
    return unlink(local.sun_path) == 0 || errno == ENOENT ? 0 : errno;
}

/* Linux makes the socket file with the mode of the socket itself, so setting it before bind leaves
 * no moment in which others could connect, and does not touch the umask of other threads. */
static int bind_local(int fd, const struct os_address *address)
{
    int error = remove_stale_socket(address);
    if (error != 0) {
        return error;
    }
    if (fchmod(fd, LOCAL_SOCKET_MODE) != 0) {
        return errno;
    }
    if (bind(fd, native(address), address->size) != 0) {
        return errno;
    }
    struct sockaddr_un local;
    memcpy(&local, address->bytes, sizeof local);
    struct stat st;
    if (lstat(local.sun_path, &st) != 0) {
        return errno;
    }
    if ((st.st_mode & 0077) != 0) {
        (void)unlink(local.sun_path);
        return EPERM;
    }
    return chmod(local.sun_path, LOCAL_SOCKET_MODE) == 0 ? 0 : errno;
}

int os_socket_listen(const struct os_address *address, int backlog, int *ret_fd)
{
    int fd = -1;
    int error = new_socket(family_of(address), &fd);
    if (error != 0) {
        return error;
    }
    error = family_of(address) == AF_UNIX ? bind_local(fd, address) : bind_internet(fd, address);
    if (error == 0 && listen(fd, backlog) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

static int int_option(int fd, int option, int *ret_value)
{
    socklen_t size = sizeof *ret_value;
    return getsockopt(fd, SOL_SOCKET, option, ret_value, &size) == 0 ? 0 : errno;
}

int os_socket_adopt_listening(int fd)
{
    int type = 0, listens = 0, family = 0;
    int error = int_option(fd, SO_TYPE, &type);
    if (error == 0) {
        error = int_option(fd, SO_ACCEPTCONN, &listens);
    }
    if (error == 0) {
        error = int_option(fd, SO_DOMAIN, &family);
    }
    if (error != 0) {
        return error;
    }
    if (type != SOCK_STREAM || listens == 0) {
        return EINVAL;
    }
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) {
        return EAFNOSUPPORT;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return errno;
    }
    return 0;
}

uint16_t os_socket_local_port(int fd)
{
    struct os_address address;
    memset(&address, 0, sizeof address);
    socklen_t size = sizeof address.bytes;
    if (getsockname(fd, (struct sockaddr *)(void *)address.bytes, &size) != 0) {
        return 0;
    }
    address.size = size;
    if (!is_internet(&address)) {
        return 0;
    }
    char host[OS_ADDRESS_TEXT_MAX];
    uint16_t port;
    (void)format_host(&address, host, sizeof host, &port);
    return port;
}

/* Linux hands out errors of the connection that was about to be accepted, as accept(2) says: they
 * concern that peer only, not the listener. */
static int accept_error(int error)
{
    switch (error) {
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
        return ECONNABORTED;
    default:
        return error;
    }
}

int os_socket_accept(int listening_fd, int *ret_fd, struct os_address *ret_peer)
{
    memset(ret_peer, 0, sizeof *ret_peer);
    socklen_t size = sizeof ret_peer->bytes;
    int fd = -1;
    do {
        fd = accept4(listening_fd, (struct sockaddr *)(void *)ret_peer->bytes, &size,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return accept_error(errno);
    }
    ret_peer->size = size;
    if (is_internet(ret_peer)) {
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    }
    *ret_fd = fd;
    return 0;
}

int os_socket_connect(const struct os_address *address, int *ret_fd)
{
    int fd = -1;
    int error = new_socket(family_of(address), &fd);
    if (error != 0) {
        return error;
    }
    if (is_internet(address)) {
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    }
    error = connect(fd, native(address), address->size) == 0 ? 0 : errno;
    if (error == EINTR) {
        error = EINPROGRESS; /* it goes on in the background */
    }
    if (error != 0 && error != EINPROGRESS) {
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    return error;
}

/* A TCP connect to a free port of this machine's own ephemeral range may meet itself. */
static bool is_connected_to_itself(const struct sockaddr_storage *peer, socklen_t peer_size, int fd)
{
    struct sockaddr_storage self;
    socklen_t size = sizeof self;
    return (peer->ss_family == AF_INET || peer->ss_family == AF_INET6) &&
           getsockname(fd, (struct sockaddr *)&self, &size) == 0 && size == peer_size &&
           memcmp(&self, peer, size) == 0;
}

int os_socket_connect_result(int fd)
{
    struct pollfd state = {.fd = fd, .events = POLLOUT};
    if (poll(&state, 1, 0) == 0) {
        return EINPROGRESS;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    if (error != 0) {
        return error;
    }
    struct sockaddr_storage peer;
    memset(&peer, 0, sizeof peer);
    size = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0) {
        return errno;
    }
    return is_connected_to_itself(&peer, size, fd) ? ECONNREFUSED : 0;
}

int os_socket_read(int fd, void *ret_bytes, size_t size, size_t *ret_size)
{
    ssize_t got;
    *ret_size = 0;
    if (size == 0) {
        return EINVAL; /* 0 bytes mean the end of the stream */
    }
    do {
        got = recv(fd, ret_bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno;
    }
    *ret_size = (size_t)got;
    return 0;
}

int os_socket_write(int fd, const void *bytes, size_t size, size_t *ret_size)
{
    ssize_t sent;
    *ret_size = 0;
    do {
        sent = send(fd, bytes, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return errno;
    }
    *ret_size = (size_t)sent;
    return 0;
}

void os_socket_shutdown_write(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

int os_socket_peer_user(int fd, uint32_t *ret_uid)
{
    int domain = AF_UNSPEC;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) {
        return errno;
    }
    if (domain != AF_UNIX) {
        return ENOTSUP;
    }
    struct ucred peer;
    size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return errno;
    }
    if (peer.uid == (uid_t)-1) { /* what Linux says of a socket without a peer */
        return ENOTCONN;
    }
    *ret_uid = (uint32_t)peer.uid;
    return 0;
}

void os_socket_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* A socket of which nothing is asked is left out: poll would report its hang-up again and again. */
static void fill_native_poll(struct pollfd *native_poll, const struct os_poll *asked)
{
    native_poll->fd = asked->events != 0 ? asked->fd : -1;
    native_poll->events = (short)(((asked->events & OS_READABLE) != 0 ? POLLIN : 0) |
                                  ((asked->events & OS_WRITABLE) != 0 ? POLLOUT : 0));
    native_poll->revents = 0;
}

static int events_of_native(short revents, int asked)
{
    if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        return asked;
    }
    return ((revents & POLLIN) != 0 ? OS_READABLE : 0) |
           ((revents & POLLOUT) != 0 ? OS_WRITABLE : 0);
}

int os_poll(struct os_poll *sockets, size_t count, int timeout_ms)
{
    struct pollfd on_stack[POLL_ON_STACK];
    struct pollfd *all = on_stack;
    if (count > POLL_ON_STACK) {
        all = calloc(count, sizeof *all);
        if (all == NULL) {
            return ENOMEM;
        }
    }
    for (size_t i = 0; i < count; i++) {
        fill_native_poll(&all[i], &sockets[i]);
    }
    int ready = poll(all, (nfds_t)count, timeout_ms);
    int error = ready >= 0 || errno == EINTR ? 0 : errno;
    for (size_t i = 0; i < count; i++) {
        sockets[i].revents = ready > 0 ? events_of_native(all[i].revents, sockets[i].events) : 0;
    }
    if (all != on_stack) {
        free(all);
    }
    return error;
}
