/* os/socket.h: non-blocking stream sockets.
 *
 * Functions that can fail return 0 or an errno value; EAGAIN means "not now". A descriptor is the
 * caller's to close with os_socket_close(). Any thread. */
#ifndef D2K_OS_SOCKET_H
#define D2K_OS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <d2k/result.h>

#define OS_ADDRESS_SIZE 128

/* An IPv4, IPv6 or local address, opaque. */
struct os_address {
    unsigned size;
    _Alignas(8) unsigned char bytes[OS_ADDRESS_SIZE];
};

#define OS_ADDRESS_TEXT_MAX 160 /* longest text of an address with its terminator */

/* "127.0.0.1:3119", "[::1]:3119", "local" for a local socket. Cut to size, terminated. IPv4
 * addresses that arrived on an IPv6 socket are written as IPv4. */
void os_address_format(const struct os_address *address, char *ret_text, size_t size);

/* The address without port: "127.0.0.1", "::1", "local". */
void os_address_format_host(const struct os_address *address, char *ret_text, size_t size);

/* Parses a numeric IPv4 or IPv6 address (no name, brackets allowed). EINVAL. */
int os_address_parse(const char *host, uint16_t port,
                     struct os_address *ret_address) D2K_MUST_CHECK;

/* All addresses of a host name or a numeric address (brackets allowed), in the system's order of
 * preference, at most `max`. "localhost" is 127.0.0.1 and ::1, in any case of its letters, also
 * where no hosts file says so (RFC 6761, section 6.3). Waits for the system's resolver, seconds if
 * name servers are silent: for programs that ask once, never for a loop. *ret_count is at least 1
 * after 0. ENOENT: no such name, or no address; EAGAIN: the name servers do not answer; ENOMEM,
 * EIO. */
int os_address_resolve(const char *host, uint16_t port, struct os_address *ret_addresses,
                       size_t max, size_t *ret_count) D2K_MUST_CHECK;

/* From raw network-order bytes: 4 (IPv4) or 16 (IPv6). EINVAL for another size. */
int os_address_from_bytes(const void *bytes, size_t size, uint16_t port,
                          struct os_address *ret_address) D2K_MUST_CHECK;

/* Local (Unix) socket. ENAMETOOLONG. */
int os_address_local(const char *path, struct os_address *ret_address) D2K_MUST_CHECK;

/* Listens. An address with port 0 lets the system choose (os_socket_local_port tells). An IPv6
 * address listens on IPv6 only. For a local address a stale socket file is removed first and the
 * new one has mode 0600; EADDRINUSE when somebody answers on it. */
int os_socket_listen(const struct os_address *address, int backlog, int *ret_fd) D2K_MUST_CHECK;

/* Makes a descriptor that came from outside usable as one of os_socket_listen(): close-on-exec and
 * not blocking. ENOTSOCK, EINVAL (it does not listen for streams), EAFNOSUPPORT (neither internet
 * nor local): it is untouched. */
int os_socket_adopt_listening(int fd) D2K_MUST_CHECK;

/* Port that a socket is bound to, 0 for a local socket. */
uint16_t os_socket_local_port(int fd);

/* Accepts one connection, non-blocking, close-on-exec, without Nagle's delay. EAGAIN: none is
 * waiting; ECONNABORTED: that one has left; EMFILE, ENFILE. */
int os_socket_accept(int listening_fd, int *ret_fd, struct os_address *ret_peer) D2K_MUST_CHECK;

/* Starts connecting; finished when writable (os_socket_connect_result tells how). 0 or EINPROGRESS
 * both mean: under way, *ret_fd is valid. */
int os_socket_connect(const struct os_address *address, int *ret_fd) D2K_MUST_CHECK;
int os_socket_connect_result(int fd) D2K_MUST_CHECK;

/* EAGAIN; 0 with *ret_size 0: the peer has closed its side. */
int os_socket_read(int fd, void *ret_bytes, size_t size, size_t *ret_size) D2K_MUST_CHECK;
/* Never raises SIGPIPE. EAGAIN when nothing could be written. */
int os_socket_write(int fd, const void *bytes, size_t size, size_t *ret_size) D2K_MUST_CHECK;

/* No more bytes from us; the peer sees the end of stream after what was sent. */
void os_socket_shutdown_write(int fd);

/* User id of the process at the other end of a local socket. ENOTSUP, ENOTCONN... */
int os_socket_peer_user(int fd, uint32_t *ret_uid) D2K_MUST_CHECK;

void os_socket_close(int fd);

#define OS_READABLE 1
#define OS_WRITABLE 2

struct os_poll {
    int fd;
    int events;  /* OS_READABLE | OS_WRITABLE */
    int revents; /* filled in; an error or hang-up shows as all that was asked for */
};

/* Waits at most timeout_ms (-1: for ever; interrupted counts as time-out). Returns 0 or an errno
 * value. */
int os_poll(struct os_poll *sockets, size_t count, int timeout_ms) D2K_MUST_CHECK;

#endif
