/* tests/unit/test_socket.c: what os/socket.h promises, over loopback and local sockets. */
#include "temporary_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "os/socket.h"
#include "os/system.h"

#define PATIENCE_MS 10000

/* ---- addresses ---- */

static void assert_parsed_as(const char *host, uint16_t port, const char *text, const char *alone)
{
    struct os_address address;
    char ret[OS_ADDRESS_TEXT_MAX];
    assert_int_equal(os_address_parse(host, port, &address), 0);
    os_address_format(&address, ret, sizeof ret);
    assert_string_equal(ret, text);
    os_address_format_host(&address, ret, sizeof ret);
    assert_string_equal(ret, alone);
}

static void numeric_addresses_are_parsed_and_formatted(void **state)
{
    (void)state;
    assert_parsed_as("127.0.0.1", 3119, "127.0.0.1:3119", "127.0.0.1");
    assert_parsed_as("255.255.255.255", 65535, "255.255.255.255:65535", "255.255.255.255");
    assert_parsed_as("::1", 3119, "[::1]:3119", "::1");
    assert_parsed_as("[::1]", 0, "[::1]:0", "::1");
    assert_parsed_as("::ffff:10.0.0.1", 1, "10.0.0.1:1", "10.0.0.1");
    assert_parsed_as("fe80::1%7777", 1, "[fe80::1%7777]:1", "fe80::1%7777");
}

static void what_is_no_numeric_address_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",          "localhost", "127.1",    "1.2.3.4.5",
                                        "256.1.1.1", "[",         "[]",       "[1.2.3.4]",
                                        "[::1",      "::1]",      "1.2.3.4 ", ":::",
                                        "::1%",      "::1%-1",    "::1%7x",   "::1%99999999999"};
    struct os_address address;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (os_address_parse(wrong[i], 1, &address) != EINVAL) {
            fail_msg("'%s' was taken for an address", wrong[i]);
        }
    }
}

static void localhost_is_this_machine_without_asking_anybody(void **state)
{
    (void)state;
    struct os_address addresses[3];
    char text[OS_ADDRESS_TEXT_MAX];
    size_t count = 0;
    assert_int_equal(os_address_resolve("LocalHost", 3119, addresses, 3, &count), 0);
    assert_int_equal(count, 2);
    os_address_format(&addresses[0], text, sizeof text);
    assert_string_equal(text, "127.0.0.1:3119");
    os_address_format(&addresses[1], text, sizeof text);
    assert_string_equal(text, "[::1]:3119");
    assert_int_equal(os_address_resolve("localhost", 3119, addresses, 1, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(os_address_resolve("localhost", 3119, addresses, 0, &count), ENOENT);
}

static void raw_addresses_have_4_or_16_bytes(void **state)
{
    (void)state;
    const unsigned char v4[4] = {10, 1, 2, 3};
    const unsigned char v6[17] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9};
    struct os_address address;
    char text[OS_ADDRESS_TEXT_MAX];
    assert_int_equal(os_address_from_bytes(v4, 4, 5, &address), 0);
    os_address_format(&address, text, sizeof text);
    assert_string_equal(text, "10.1.2.3:5");
    assert_int_equal(os_address_from_bytes(v6, 16, 5, &address), 0);
    os_address_format(&address, text, sizeof text);
    assert_string_equal(text, "[2001:db8::9]:5");
    assert_int_equal(os_address_from_bytes(v6, 0, 5, &address), EINVAL);
    assert_int_equal(os_address_from_bytes(v4, 3, 5, &address), EINVAL);
    assert_int_equal(os_address_from_bytes(v6, 5, 5, &address), EINVAL);
    assert_int_equal(os_address_from_bytes(v6, 17, 5, &address), EINVAL);
}

static void address_text_is_cut_to_size(void **state)
{
    (void)state;
    struct os_address address;
    char text[6];
    assert_int_equal(os_address_parse("127.0.0.1", 3119, &address), 0);
    os_address_format(&address, text, sizeof text);
    assert_string_equal(text, "127.0");
}

static void local_path_has_a_limit(void **state)
{
    (void)state;
    char path[109];
    memset(path, 'p', sizeof path - 1);
    path[108] = '\0';
    struct os_address address;
    assert_int_equal(os_address_local(path, &address), ENAMETOOLONG);
    path[107] = '\0';
    assert_int_equal(os_address_local(path, &address), 0);
    assert_int_equal(os_address_local("", &address), EINVAL);
    char text[OS_ADDRESS_TEXT_MAX];
    assert_int_equal(os_address_local("/run/x.sock", &address), 0);
    os_address_format(&address, text, sizeof text);
    assert_string_equal(text, "local");
    os_address_format_host(&address, text, sizeof text);
    assert_string_equal(text, "local");
}

/* ---- sockets ---- */

static bool wait_until(int fd, int events)
{
    struct os_poll poll = {.fd = fd, .events = events};
    return os_poll(&poll, 1, PATIENCE_MS) == 0 && poll.revents != 0;
}

static int listen_on(const char *host, uint16_t *ret_port)
{
    struct os_address address;
    int fd = -1;
    assert_int_equal(os_address_parse(host, 0, &address), 0);
    assert_int_equal(os_socket_listen(&address, 16, &fd), 0);
    *ret_port = os_socket_local_port(fd);
    assert_int_not_equal(*ret_port, 0);
    return fd;
}

static int start_connect(const char *host, uint16_t port)
{
    struct os_address address;
    int fd = -1;
    assert_int_equal(os_address_parse(host, port, &address), 0);
    int error = os_socket_connect(&address, &fd);
    assert_true(error == 0 || error == EINPROGRESS);
    return fd;
}

struct pair {
    int listener, client, server;
    struct os_address peer;
};

static struct pair connect_pair(const char *host)
{
    struct pair pair;
    uint16_t port;
    pair.listener = listen_on(host, &port);
    pair.client = start_connect(host, port);
    assert_true(wait_until(pair.client, OS_WRITABLE));
    assert_int_equal(os_socket_connect_result(pair.client), 0);
    assert_true(wait_until(pair.listener, OS_READABLE));
    assert_int_equal(os_socket_accept(pair.listener, &pair.server, &pair.peer), 0);
    return pair;
}

static void close_pair(struct pair *pair)
{
    os_socket_close(pair->client);
    os_socket_close(pair->server);
    os_socket_close(pair->listener);
}

static void assert_ready_for_the_loop(int fd)
{
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

static bool has_no_delay(int fd)
{
    int on = 0;
    socklen_t size = sizeof on;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    return on != 0;
}

static void accepted_and_connected_sockets_do_not_block_delay_or_leak(void **state)
{
    (void)state;
    struct pair pair = connect_pair("127.0.0.1");
    assert_ready_for_the_loop(pair.listener);
    assert_ready_for_the_loop(pair.client);
    assert_ready_for_the_loop(pair.server);
    assert_true(has_no_delay(pair.client));
    assert_true(has_no_delay(pair.server));
    char text[OS_ADDRESS_TEXT_MAX];
    os_address_format_host(&pair.peer, text, sizeof text);
    assert_string_equal(text, "127.0.0.1");
    close_pair(&pair);
}

static void accept_with_nobody_waiting_is_not_now(void **state)
{
    (void)state;
    uint16_t port;
    int listener = listen_on("127.0.0.1", &port);
    int fd = -1;
    struct os_address peer;
    assert_int_equal(os_socket_accept(listener, &fd, &peer), EAGAIN);
    os_socket_close(listener);
}

static void bytes_pass_and_the_end_of_the_stream_is_seen(void **state)
{
    (void)state;
    struct pair pair = connect_pair("127.0.0.1");
    char bytes[8];
    size_t size = 99;
    assert_int_equal(os_socket_read(pair.server, bytes, sizeof bytes, &size), EAGAIN);
    assert_int_equal(size, 0);
    assert_int_equal(os_socket_write(pair.client, "hello", 5, &size), 0);
    assert_int_equal(size, 5);
    assert_true(wait_until(pair.server, OS_READABLE));
    assert_int_equal(os_socket_read(pair.server, bytes, sizeof bytes, &size), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "hello", 5);
    os_socket_shutdown_write(pair.client);
    assert_true(wait_until(pair.server, OS_READABLE));
    assert_int_equal(os_socket_read(pair.server, bytes, sizeof bytes, &size), 0);
    assert_int_equal(size, 0);
    close_pair(&pair);
}

static void full_socket_is_not_now(void **state)
{
    (void)state;
    struct pair pair = connect_pair("127.0.0.1");
    static const char bytes[65536];
    size_t size;
    size_t total = 0;
    int error = 0;
    while (error == 0 && total < 1024u * 1024 * 1024) {
        error = os_socket_write(pair.client, bytes, sizeof bytes, &size);
        total += size;
    }
    assert_int_equal(error, EAGAIN);
    close_pair(&pair);
}

static void write_to_a_peer_that_left_raises_no_signal(void **state)
{
    (void)state;
    struct pair pair = connect_pair("127.0.0.1");
    (void)signal(SIGPIPE, SIG_DFL);
    os_socket_close(pair.server);
    pair.server = -1;
    int error = 0;
    uint64_t deadline = os_monotonic_ms() + PATIENCE_MS;
    while (error == 0 && os_monotonic_ms() < deadline) {
        size_t size;
        error = os_socket_write(pair.client, "x", 1, &size);
    }
    assert_true(error == EPIPE || error == ECONNRESET);
    close_pair(&pair);
}

static void connect_to_a_closed_port_is_refused(void **state)
{
    (void)state;
    uint16_t port;
    os_socket_close(listen_on("127.0.0.1", &port));
    struct os_address address;
    int fd = -1;
    assert_int_equal(os_address_parse("127.0.0.1", port, &address), 0);
    int error = os_socket_connect(&address, &fd);
    if (error == EINPROGRESS || error == 0) {
        assert_true(wait_until(fd, OS_WRITABLE));
        error = os_socket_connect_result(fd);
        os_socket_close(fd);
    }
    assert_int_equal(error, ECONNREFUSED);
}

static void taken_port_cannot_be_listened_on_again(void **state)
{
    (void)state;
    uint16_t port;
    int first = listen_on("127.0.0.1", &port);
    struct os_address address;
    int second = -1;
    assert_int_equal(os_address_parse("127.0.0.1", port, &address), 0);
    assert_int_equal(os_socket_listen(&address, 16, &second), EADDRINUSE);
    assert_int_equal(second, -1);
    os_socket_close(first);
}

static bool has_ipv6(void)
{
    struct os_address address;
    int fd = -1;
    if (os_address_parse("::1", 0, &address) != 0 || os_socket_listen(&address, 1, &fd) != 0) {
        return false;
    }
    os_socket_close(fd);
    return true;
}

static void ipv6_listener_leaves_ipv4_alone(void **state)
{
    (void)state;
    if (!has_ipv6()) {
        skip();
    }
    uint16_t port;
    int v6 = listen_on("::", &port);
    struct os_address address;
    int v4 = -1;
    assert_int_equal(os_address_parse("0.0.0.0", port, &address), 0);
    assert_int_equal(os_socket_listen(&address, 16, &v4), 0);
    os_socket_close(v4);
    os_socket_close(v6);
}

static void ipv6_connects(void **state)
{
    (void)state;
    if (!has_ipv6()) {
        skip();
    }
    struct pair pair = connect_pair("::1");
    char text[OS_ADDRESS_TEXT_MAX];
    os_address_format_host(&pair.peer, text, sizeof text);
    assert_string_equal(text, "::1");
    close_pair(&pair);
}

/* ---- local sockets ---- */

static int listen_locally(const char *path, int *ret_fd)
{
    struct os_address address;
    assert_int_equal(os_address_local(path, &address), 0);
    return os_socket_listen(&address, 16, ret_fd);
}

static void local_listener_is_for_its_owner_only(void **state)
{
    const char *path = path_in(*state, "s");
    int fd = -1;
    mode_t before = umask(0);
    int error = listen_locally(path, &fd);
    (void)umask(before);
    assert_int_equal(error, 0);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(os_socket_local_port(fd), 0);
    os_socket_close(fd);
}

static void local_connection_names_the_peers_user(void **state)
{
    const char *path = path_in(*state, "s");
    int listener = -1;
    int client = -1;
    int server = -1;
    struct os_address address;
    struct os_address peer;
    assert_int_equal(listen_locally(path, &listener), 0);
    assert_int_equal(os_address_local(path, &address), 0);
    assert_int_equal(os_socket_connect(&address, &client), 0);
    assert_int_equal(os_socket_connect_result(client), 0);
    assert_int_equal(os_socket_accept(listener, &server, &peer), 0);
    char text[OS_ADDRESS_TEXT_MAX];
    os_address_format(&peer, text, sizeof text);
    assert_string_equal(text, "local");
    uint32_t uid = UINT32_MAX;
    assert_int_equal(os_socket_peer_user(server, &uid), 0);
    assert_int_equal(uid, os_user_id());
    os_socket_close(client);
    os_socket_close(server);
    os_socket_close(listener);
}

static void internet_connection_has_no_peer_user(void **state)
{
    (void)state;
    struct pair pair = connect_pair("127.0.0.1");
    uint32_t uid;
    assert_int_equal(os_socket_peer_user(pair.server, &uid), ENOTSUP);
    close_pair(&pair);
}

static void stale_local_socket_is_replaced(void **state)
{
    const char *path = path_in(*state, "s");
    int fd = -1;
    assert_int_equal(listen_locally(path, &fd), 0);
    os_socket_close(fd);
    assert_true(is_there(path));
    assert_int_equal(listen_locally(path, &fd), 0);
    os_socket_close(fd);
}

static void local_socket_that_answers_is_in_use(void **state)
{
    const char *path = path_in(*state, "s");
    int first = -1;
    int second = -1;
    assert_int_equal(listen_locally(path, &first), 0);
    assert_int_equal(listen_locally(path, &second), EADDRINUSE);
    assert_int_equal(second, -1);
    assert_true(is_there(path));
    os_socket_close(first);
}

static void local_listener_never_removes_what_is_no_socket(void **state)
{
    const char *path = path_in(*state, "file");
    write_file(path, "precious");
    int fd = -1;
    assert_int_equal(listen_locally(path, &fd), EADDRINUSE);
    assert_file_is(path, "precious");
}

/* ---- poll ---- */

static void poll_times_out_and_reports_nothing(void **state)
{
    (void)state;
    uint16_t port;
    struct os_poll poll = {
        .fd = listen_on("127.0.0.1", &port), .events = OS_READABLE | OS_WRITABLE, .revents = 3};
    assert_int_equal(os_poll(&poll, 1, 1), 0);
    assert_int_equal(poll.revents, 0);
    assert_int_equal(os_poll(NULL, 0, 0), 0);
    os_socket_close(poll.fd);
}

static void hang_up_shows_as_all_that_was_asked_for(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    os_socket_close(ends[1]);
    struct os_poll poll[3] = {{.fd = ends[0], .events = OS_READABLE},
                              {.fd = ends[0], .events = OS_READABLE | OS_WRITABLE},
                              {.fd = ends[0], .events = 0}};
    assert_int_equal(os_poll(poll, 3, PATIENCE_MS), 0);
    assert_int_equal(poll[0].revents, OS_READABLE);
    assert_int_equal(poll[1].revents, OS_READABLE | OS_WRITABLE);
    assert_int_equal(poll[2].revents, 0);
    assert_int_equal(os_poll(&poll[2], 1, 0), 0);
    os_socket_close(ends[0]);
}

static void poll_takes_more_sockets_than_it_has_place_for_on_the_stack(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct os_poll poll[40];
    for (size_t i = 0; i < 40; i++) {
        poll[i] = (struct os_poll){.fd = ends[i % 2], .events = OS_READABLE};
    }
    size_t size;
    assert_int_equal(os_socket_write(ends[0], "x", 1, &size), 0);
    assert_int_equal(os_poll(poll, 40, PATIENCE_MS), 0);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(poll[i].revents, i % 2 == 1 ? OS_READABLE : 0);
    }
    os_socket_close(ends[0]);
    os_socket_close(ends[1]);
}

#define with_directory(f) \
    cmocka_unit_test_setup_teardown(f, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_addresses_are_parsed_and_formatted),
        cmocka_unit_test(what_is_no_numeric_address_is_refused),
        cmocka_unit_test(localhost_is_this_machine_without_asking_anybody),
        cmocka_unit_test(raw_addresses_have_4_or_16_bytes),
        cmocka_unit_test(address_text_is_cut_to_size),
        cmocka_unit_test(local_path_has_a_limit),
        cmocka_unit_test(accepted_and_connected_sockets_do_not_block_delay_or_leak),
        cmocka_unit_test(accept_with_nobody_waiting_is_not_now),
        cmocka_unit_test(bytes_pass_and_the_end_of_the_stream_is_seen),
        cmocka_unit_test(full_socket_is_not_now),
        cmocka_unit_test(write_to_a_peer_that_left_raises_no_signal),
        cmocka_unit_test(connect_to_a_closed_port_is_refused),
        cmocka_unit_test(taken_port_cannot_be_listened_on_again),
        cmocka_unit_test(ipv6_listener_leaves_ipv4_alone),
        cmocka_unit_test(ipv6_connects),
        with_directory(local_listener_is_for_its_owner_only),
        with_directory(local_connection_names_the_peers_user),
        cmocka_unit_test(internet_connection_has_no_peer_user),
        with_directory(stale_local_socket_is_replaced),
        with_directory(local_socket_that_answers_is_in_use),
        with_directory(local_listener_never_removes_what_is_no_socket),
        cmocka_unit_test(poll_times_out_and_reports_nothing),
        cmocka_unit_test(hang_up_shows_as_all_that_was_asked_for),
        cmocka_unit_test(poll_takes_more_sockets_than_it_has_place_for_on_the_stack),
    };
    return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
