/* One connection's life, two sessions joined in memory: no socket, no thread, no clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/file.h"
#include "os/system.h"
#include "session/session.h"
#include "tls/certificate.h"

/* ---- a kernel and a client with files of their own ---- */

struct site {
    char dir[64];
    struct registry_location location;
    struct tls_keeper *kernel, *client;
};

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(os_file_replace(path, text, strlen(text), 0600), 0);
}

static void new_identity(const char *dir, const char *name)
{
    const char *names[] = {"localhost", NULL};
    struct tls_new_identity what = {.common_name = name, .names = names, .days = 30};
    char cert[128], key[128];
    struct error err;
    (void)snprintf(cert, sizeof cert, "%s/%s.crt", dir, name);
    (void)snprintf(key, sizeof key, "%s/%s.key", dir, name);
    assert_int_equal(tls_identity_new(&what, cert, key, true, &err), D2K_OK);
}

static void site_open(struct site *site, const char *client_section)
{
    char text[1024];
    struct error err = {0};
    (void)snprintf(site->dir, sizeof site->dir, "/tmp/d2k-session-%u", os_process_id());
    assert_int_equal(os_directory_make(site->dir, 0700), 0);
    new_identity(site->dir, "server");
    new_identity(site->dir, "other");
    (void)snprintf(text, sizeof text,
                   "[TLS_Server]\nTLS_CertFile = server.crt\nTLS_KeyFile = server.key\n"
                   "TLS_RequiredLevel = TLSNoPeerAuth\nTLS_Resumption = on\n[TLS_Client]\n%s",
                   client_section);
    write_file(site->dir, "cfg_PLANT.conf", text);
    assert_int_equal(registry_locate("d2k", site->dir, &site->location, &err), D2K_OK);
    assert_int_equal(tls_keeper_open_server(&site->location, "PLANT", NULL, &site->kernel, &err),
                     D2K_OK);
    assert_int_equal(tls_keeper_open_client(&site->location, "PLANT", NULL, &site->client, &err),
                     D2K_OK);
}

static void site_close(struct site *site)
{
    static const char *const files[] = {"server.crt", "server.key", "other.crt", "other.key",
                                        "cfg_PLANT.conf"};
    char path[128];
    tls_keeper_close(site->kernel);
    tls_keeper_close(site->client);
    registry_location_free(&site->location);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", site->dir, files[i]);
        assert_int_equal(os_file_remove(path), 0);
    }
    (void)remove(site->dir);
}

static struct session *client_of(struct site *site)
{
    struct session *client = NULL;
    struct error err = {0};
    struct tls_policy *policy = tls_keeper_current(site->client);
    assert_int_equal(session_new_client(policy, "localhost", &client, &err), D2K_OK);
    tls_policy_unref(policy);
    return client;
}

/* ---- joining ---- */

static void feed(struct session *s, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        size_t room;
        uint8_t *to = session_input(s, size, &room);
        assert_non_null(to);
        memcpy(to, at, room < size ? room : size);
        session_received(s, room < size ? room : size);
        at += room;
        size -= room < size ? room : size;
    }
}

/* Moves what `from` has to say, at most `most` bytes; false: nothing. */
static bool move(struct session *from, struct session *to, size_t most)
{
    struct slice bytes = session_output(from);
    size_t size = bytes.size < most ? bytes.size : most;
    if (size > 0) {
        feed(to, bytes.data, size);
        session_written(from, size);
    }
    return size > 0;
}

static void start_tls(struct site *site, struct session *server)
{
    struct error err = {0};
    struct tls_policy *policy = tls_keeper_current(site->kernel);
    assert_int_equal(session_start_tls(server, policy, &err), D2K_OK);
    tls_policy_unref(policy);
}

/* Shakes hands, `most` bytes at a time. */
static void shake_hands(struct site *site, struct session *server, struct session *client,
                        size_t most)
{
    struct error err = {0};
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(session_advance(client, &err), D2K_OK);
        bool moved = move(client, server, most);
        if (session_state(server) == SESSION_NEEDS_TLS) {
            start_tls(site, server);
        }
        assert_int_equal(session_advance(server, &err), D2K_OK);
        moved |= move(server, client, most);
        if (!moved && session_state(server) == SESSION_OPEN) {
            return;
        }
    }
    fail_msg("the handshake does not end");
}

static struct wire_message hello(void)
{
    struct wire_message m = {.type = WIRE_HELLO, .request = 7};
    m.as.hello.version_min = 1;
    m.as.hello.version_max = 1;
    m.as.hello.application = slice_of("PLANT");
    return m;
}

static void expect_hello(struct session *server)
{
    struct wire_message m;
    struct error err = {0};
    uint16_t code;
    assert_int_equal(session_next(server, &m, &code, &err), D2K_OK);
    assert_int_equal(m.type, WIRE_HELLO);
    assert_int_equal(m.request, 7);
    assert_true(slice_equal_text(m.as.hello.application, "PLANT"));
}

static void expect_next(struct session *s, d2k_result expected)
{
    struct wire_message m;
    struct error err = {0};
    uint16_t code;
    assert_int_equal(session_next(s, &m, &code, &err), expected);
}

static bool hears(struct session *server, d2k_result expected)
{
    bool heard = false;
    struct error err = {0};
    assert_int_equal(session_hear(server, &heard, &err), expected);
    return heard;
}

/* ---- plain ---- */

static void plain_messages_pass_byte_by_byte(void **state)
{
    (void)state;
    struct session *server = session_new_server(), *client = NULL;
    struct error err = {0};
    assert_int_equal(session_new_client(NULL, NULL, &client, &err), D2K_OK);
    struct wire_message m = hello();
    assert_int_equal(session_send(client, &m), D2K_OK);
    while (move(client, server, 1)) {
        assert_int_equal(session_advance(server, &err), D2K_OK);
        if (session_unsent(client) > 0) {
            expect_next(server, D2K_AGAIN);
        }
    }
    assert_int_equal(session_state(server), SESSION_OPEN);
    assert_false(session_is_tls(server));
    assert_string_equal(session_tls_version(server), "");
    expect_hello(server);
    expect_next(server, D2K_AGAIN);
    session_free(server);
    session_free(client);
}

static void a_preface_alone_is_no_first_word(void **state)
{
    (void)state;
    struct session *server = session_new_server();
    struct error err = {0};
    feed(server, WIRE_PREFACE, WIRE_PREFACE_SIZE);
    assert_int_equal(session_advance(server, &err), D2K_OK);
    assert_int_equal(session_state(server), SESSION_OPEN);
    assert_false(hears(server, D2K_OK));
    feed(server, "x", 1);
    assert_true(hears(server, D2K_OK));
    session_free(server);
}

static void first_bytes_that_are_neither_tls_nor_d2k_are_refused(void **state)
{
    (void)state;
    static const char *const firsts[] = {
        "GET / HTTP/1.1\r\n",  "\x15\x03\x01\x00\x02", "\x16\x02", "D2K\r\n\x1a\n\x02", "\n",
        "\x80\x2e\x01\x03\x01"};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        struct session *server = session_new_server();
        struct error err = {0};
        feed(server, firsts[i], strlen(firsts[i]));
        assert_int_equal(session_advance(server, &err), D2K_PROTOCOL);
        session_end(server, WIRE_REFUSE, WIRE_CODE_PROTOCOL, 0, err.text);
        struct slice said = session_output(server);
        assert_true(said.size > WIRE_PREFACE_SIZE);
        assert_memory_equal(said.data, WIRE_PREFACE, WIRE_PREFACE_SIZE);
        assert_int_equal(session_state(server), SESSION_CLOSING);
        session_free(server);
    }
}

static void a_message_that_only_kernels_send_is_refused_by_a_kernel(void **state)
{
    (void)state;
    struct session *server = session_new_server(), *client = NULL;
    struct error err = {0};
    assert_int_equal(session_new_client(NULL, NULL, &client, &err), D2K_OK);
    struct wire_message m = {.type = WIRE_WELCOME};
    assert_int_equal(session_send(client, &m), D2K_OK);
    assert_true(move(client, server, SIZE_MAX));
    assert_int_equal(session_advance(server, &err), D2K_OK);
    expect_next(server, D2K_PROTOCOL);
    session_free(server);
    session_free(client);
}

static void before_registration_only_opening_messages_are_allowed(void **state)
{
    (void)state;
    for (int registered = 0; registered <= 1; registered++) {
        struct session *server = session_new_server(), *client = NULL;
        struct error err = {0};
        assert_int_equal(session_new_client(NULL, NULL, &client, &err), D2K_OK);
        struct wire_message m = {.type = WIRE_PING};
        assert_int_equal(session_send(client, &m), D2K_OK);
        assert_true(move(client, server, SIZE_MAX));
        assert_int_equal(session_advance(server, &err), D2K_OK);
        if (registered) {
            session_set_registered(server);
        }
        expect_next(server, registered ? D2K_OK : D2K_PROTOCOL);
        session_free(server);
        session_free(client);
    }
}

static void put_frame_header(uint8_t *to, uint32_t length, uint16_t type, uint16_t flags)
{
    struct buffer b;
    buffer_init(&b, 64);
    buffer_put_u32(&b, length);
    buffer_put_u16(&b, type);
    buffer_put_u16(&b, flags);
    buffer_put_u64(&b, 0);
    memcpy(to, buffer_data(&b), WIRE_HEADER_SIZE);
    buffer_free(&b);
}

/* A skippable unknown frame of the largest size passes, one byte more does not: before and after
 * registration. */
static void frames_are_limited_before_and_after_registration(void **state)
{
    (void)state;
    static const uint32_t limits[] = {WIRE_LENGTH_MAX_UNREGISTERED, WIRE_LENGTH_MAX};
    for (int registered = 0; registered <= 1; registered++) {
        for (uint32_t over = 0; over <= 1; over++) {
            uint32_t length = limits[registered] + over;
            struct session *server = session_new_server();
            struct error err = {0};
            uint8_t *frame = calloc(1, length + 4u);
            assert_non_null(frame);
            put_frame_header(frame, length, 60000, WIRE_FLAG_SKIPPABLE);
            feed(server, WIRE_PREFACE, WIRE_PREFACE_SIZE);
            assert_int_equal(session_advance(server, &err), D2K_OK);
            if (registered) {
                session_set_registered(server);
            }
            feed(server, frame, length + 4u);
            expect_next(server, over ? D2K_PROTOCOL : D2K_AGAIN);
            free(frame);
            session_free(server);
        }
    }
}

static void a_good_bye_is_the_last_that_is_sent(void **state)
{
    (void)state;
    struct session *server = session_new_server(), *client = NULL;
    struct error err = {0};
    assert_int_equal(session_new_client(NULL, NULL, &client, &err), D2K_OK);
    session_end(client, WIRE_BYE, WIRE_CODE_NONE, 0, "");
    session_end(client, WIRE_BYE, WIRE_CODE_INTERNAL, 0, "a second one");
    struct wire_message m = hello();
    assert_int_equal(session_send(client, &m), D2K_STATE);
    assert_null(session_frames(client));
    assert_true(move(client, server, SIZE_MAX));
    assert_int_equal(session_state(client), SESSION_ENDED);
    assert_int_equal(session_advance(server, &err), D2K_OK);
    uint16_t code;
    assert_int_equal(session_next(server, &m, &code, &err), D2K_OK);
    assert_int_equal(m.type, WIRE_BYE);
    assert_int_equal(m.as.bye.code, WIRE_CODE_NONE);
    expect_next(server, D2K_AGAIN);
    session_free(server);
    session_free(client);
}

static void a_sentence_over_its_limit_is_cut_between_characters(void **state)
{
    (void)state;
    struct session *server = session_new_server();
    struct error err = {0};
    char sentence[2 * WIRE_SENTENCE_MAX + 1];
    for (size_t i = 0; i + 1 < sizeof sentence; i += 2) {
        memcpy(sentence + i, "\xc3\xa9", 2);
    }
    sentence[sizeof sentence - 1] = '\0';
    memmove(sentence + 1, sentence, sizeof sentence - 2);
    sentence[0] = 'x'; /* now a character crosses the limit */
    sentence[sizeof sentence - 2] = '\0';
    session_end(server, WIRE_REFUSE, WIRE_CODE_BUSY, 1500, sentence);
    struct slice said = session_output(server);
    struct wire_message m;
    size_t size;
    uint16_t code;
    assert_int_equal(wire_decode((const uint8_t *)said.data + WIRE_PREFACE_SIZE,
                                 said.size - WIRE_PREFACE_SIZE, WIRE_LENGTH_MAX_UNREGISTERED, &m,
                                 &size, &code, &err),
                     WIRE_DECODED);
    assert_int_equal(m.as.refuse.sentence.size, WIRE_SENTENCE_MAX - 1);
    assert_int_equal(m.as.refuse.retry_after_ms, 1500);
    session_free(server);
}

/* ---- TLS ---- */

static void the_first_words_over_tls_are_heard_and_kept(void **state)
{
    struct site site;
    (void)state;
    site_open(&site, "TLS_RequiredLevel = None\n");
    struct session *server = session_new_server(), *client = client_of(&site);
    struct error err = {0};
    char warning[256];
    shake_hands(&site, server, client, SIZE_MAX);
    assert_false(hears(server, D2K_OK));
    assert_int_equal(session_verify(client, warning, sizeof warning, &err), D2K_OK);
    struct wire_message m = hello();
    assert_int_equal(session_send(client, &m), D2K_OK);
    (void)move(client, server, SIZE_MAX);
    assert_true(hears(server, D2K_OK));
    assert_true(hears(server, D2K_OK));
    expect_hello(server);
    session_free(server);
    session_free(client);
    site_close(&site);
}

static void messages_pass_over_tls_however_the_bytes_are_cut(void **state)
{
    (void)state;
    static const size_t cuts[] = {1, 7, 1000, SIZE_MAX};
    struct site site;
    site_open(&site, "TLS_TrustedCerts = other.crt; server.crt\nTLS_RequiredLevel = TLSPeerAuth\n");
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct session *server = session_new_server(), *client = client_of(&site);
        struct error err = {0};
        char warning[256];
        shake_hands(&site, server, client, cuts[i]);
        assert_int_equal(session_state(client), SESSION_UNVERIFIED);
        assert_null(session_frames(client)); /* nothing is said before the kernel is verified */
        assert_int_equal(session_verify(client, warning, sizeof warning, &err), D2K_OK);
        assert_true(session_verified(client));
        assert_false(session_resumed(client));
        assert_string_equal(session_tls_version(server), "TLSv1.3");
        struct wire_message m = hello();
        assert_int_equal(session_send(client, &m), D2K_OK);
        while (move(client, server, cuts[i])) {
        }
        expect_hello(server);
        session_free(server);
        session_free(client);
    }
    site_close(&site);
}

/* The client comes back with what it was given, and is verified all the same. */
static void a_client_that_comes_back_is_resumed_and_verified(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, "TLS_TrustedCerts = server.crt\nTLS_RequiredLevel = TLSPeerAuth\n"
                     "TLS_Resumption = on\n");
    for (int connection = 0; connection < 3; connection++) {
        struct session *server = session_new_server(), *client = client_of(&site);
        struct error err = {0};
        char warning[256];
        session_resume(client, "localhost:3119");
        shake_hands(&site, server, client, SIZE_MAX);
        assert_int_equal(session_resumed(client), connection > 0);
        assert_int_equal(session_resumed(server), connection > 0);
        assert_int_equal(session_verify(client, warning, sizeof warning, &err), D2K_OK);
        assert_true(session_verified(client));
        expect_next(client, D2K_AGAIN); /* reads the ticket */
        session_free(server);
        session_free(client);
    }
    site_close(&site);
}

/* A client may send its registration together with its Finished: the bytes must survive the
 * hand-over. */
static void messages_sent_with_the_finished_are_not_lost(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, "TLS_RequiredLevel = TLSNoPeerAuth\n");
    struct session *server = session_new_server(), *client = client_of(&site);
    struct error err = {0};
    char warning[256];
    assert_int_equal(session_advance(client, &err), D2K_OK);
    assert_true(move(client, server, SIZE_MAX));
    assert_int_equal(session_advance(server, &err), D2K_OK);
    assert_int_equal(session_state(server), SESSION_NEEDS_TLS);
    assert_true(session_is_expensive(server));
    start_tls(&site, server);
    assert_true(session_is_expensive(server));
    assert_int_equal(session_advance(server, &err), D2K_OK);
    assert_false(session_is_expensive(server));
    assert_true(move(server, client, SIZE_MAX));
    assert_int_equal(session_advance(client, &err), D2K_OK);
    assert_int_equal(session_verify(client, warning, sizeof warning, &err), D2K_OK);
    assert_false(session_verified(client)); /* TLSNoPeerAuth verifies nothing and claims nothing */
    struct wire_message m = hello();
    assert_int_equal(session_send(client, &m), D2K_OK);
    assert_true(move(client, server, SIZE_MAX)); /* Finished and Hello at once */
    assert_int_equal(session_advance(server, &err), D2K_OK);
    assert_int_equal(session_state(server), SESSION_OPEN);
    expect_hello(server);
    session_free(server);
    session_free(client);
    site_close(&site);
}

static void a_kernel_that_is_not_in_the_list_is_told_and_left(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, "TLS_TrustedCerts = other.crt\nTLS_RequiredLevel = TLSPeerAuth\n");
    struct session *server = session_new_server(), *client = client_of(&site);
    struct error err = {0};
    char warning[256];
    shake_hands(&site, server, client, SIZE_MAX);
    assert_int_equal(session_verify(client, warning, sizeof warning, &err), D2K_NOT_VERIFIED);
    assert_false(session_verified(client));
    assert_int_equal(session_state(client), SESSION_CLOSING);
    struct wire_message m = hello();
    assert_int_equal(session_send(client, &m), D2K_STATE);
    assert_true(move(client, server, SIZE_MAX));
    uint16_t code;
    assert_int_equal(session_next(server, &m, &code, &err), D2K_OK);
    assert_int_equal(m.type, WIRE_BYE);
    assert_int_equal(m.as.bye.code, WIRE_CODE_NOT_TRUSTED);
    expect_next(server, D2K_CLOSED);
    session_free(server);
    session_free(client);
    site_close(&site);
}

static d2k_result answer_in_plain(struct site *site, uint16_t type, uint16_t code, size_t most)
{
    struct session *server = session_new_server(), *client = client_of(site);
    struct error err = {0};
    d2k_result rc = D2K_OK;
    assert_int_equal(session_advance(client, &err), D2K_OK);
    assert_true(move(client, server, SIZE_MAX));
    assert_int_equal(session_advance(server, &err), D2K_OK);
    session_end(server, type, code, 0, "no");
    while (rc == D2K_OK && move(server, client, most)) {
        rc = session_advance(client, &err);
    }
    session_free(server);
    session_free(client);
    return rc;
}

static void a_plain_answer_to_a_client_hello_is_believed_only_as_a_refusal(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, "TLS_RequiredLevel = TLSNoPeerAuth\n");
    assert_int_equal(answer_in_plain(&site, WIRE_REFUSE, WIRE_CODE_NO_TLS, SIZE_MAX), D2K_NO_TLS);
    assert_int_equal(answer_in_plain(&site, WIRE_REFUSE, WIRE_CODE_NO_TLS, 1), D2K_NO_TLS);
    assert_int_equal(answer_in_plain(&site, WIRE_REFUSE, WIRE_CODE_TLS_UNAVAILABLE, 1),
                     D2K_REFUSED);
    assert_int_equal(answer_in_plain(&site, WIRE_BYE, WIRE_CODE_NO_TLS, 1), D2K_PROTOCOL);
    site_close(&site);
}

static void garbage_instead_of_a_handshake_ends_the_session(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, "TLS_RequiredLevel = TLSNoPeerAuth\n");
    struct session *server = session_new_server();
    struct error err = {0};
    uint8_t garbage[64] = {0x16, 0x03, 0x01, 0x00, 0x20, 0x01, 0x00, 0x00, 0x1c, 0xff};
    feed(server, garbage, sizeof garbage);
    assert_int_equal(session_advance(server, &err), D2K_OK);
    start_tls(&site, server);
    assert_int_equal(session_advance(server, &err), D2K_TLS);
    assert_true(err.text[0] != '\0');
    session_end(server, WIRE_REFUSE, WIRE_CODE_PROTOCOL, 0, err.text);
    assert_int_equal(session_state(server), SESSION_CLOSING);
    session_free(server);
    site_close(&site);
}

static void input_before_the_handshake_is_bounded(void **state)
{
    (void)state;
    struct session *server = session_new_server();
    size_t room;
    uint8_t *to = session_input(server, SESSION_INPUT_MAX_OPENING + 1, &room);
    assert_non_null(to);
    assert_int_equal(room, SESSION_INPUT_MAX_OPENING);
    memset(to, 0x16, room);
    session_received(server, room);
    assert_null(session_input(server, 1, &room));
    session_free(server);
}

static void an_idle_session_gives_its_memory_back(void **state)
{
    (void)state;
    struct session *server = session_new_server(), *client = NULL;
    struct error err = {0};
    assert_int_equal(session_new_client(NULL, NULL, &client, &err), D2K_OK);
    struct wire_message m = hello();
    assert_int_equal(session_send(client, &m), D2K_OK);
    assert_true(move(client, server, SIZE_MAX));
    assert_int_equal(session_advance(server, &err), D2K_OK);
    expect_hello(server);
    session_trim(server); /* the message that was shown is still valid */
    expect_next(server, D2K_AGAIN);
    session_trim(server);
    session_trim(client);
    assert_int_equal(session_unsent(client), 0);
    session_free(server);
    session_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_messages_pass_byte_by_byte),
        cmocka_unit_test(first_bytes_that_are_neither_tls_nor_d2k_are_refused),
        cmocka_unit_test(a_message_that_only_kernels_send_is_refused_by_a_kernel),
        cmocka_unit_test(before_registration_only_opening_messages_are_allowed),
        cmocka_unit_test(frames_are_limited_before_and_after_registration),
        cmocka_unit_test(a_good_bye_is_the_last_that_is_sent),
        cmocka_unit_test(a_sentence_over_its_limit_is_cut_between_characters),
        cmocka_unit_test(a_preface_alone_is_no_first_word),
        cmocka_unit_test(the_first_words_over_tls_are_heard_and_kept),
        cmocka_unit_test(messages_pass_over_tls_however_the_bytes_are_cut),
        cmocka_unit_test(a_client_that_comes_back_is_resumed_and_verified),
        cmocka_unit_test(messages_sent_with_the_finished_are_not_lost),
        cmocka_unit_test(a_kernel_that_is_not_in_the_list_is_told_and_left),
        cmocka_unit_test(a_plain_answer_to_a_client_hello_is_believed_only_as_a_refusal),
        cmocka_unit_test(garbage_instead_of_a_handshake_ends_the_session),
        cmocka_unit_test(input_before_the_handshake_is_bounded),
        cmocka_unit_test(an_idle_session_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
