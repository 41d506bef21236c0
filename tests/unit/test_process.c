/* tests/unit/test_process.c: starting programs, their ends, messages, and the right to start that
 * is given up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/poller.h"
#include "os/process.h"
#include "os/socket.h"

#define LONG_MS 20000

static char *const no_environment[] = {NULL};

static int start(const char *executable, const char *script, int *ret_pid)
{
    char *arguments[] = {(char *)(uintptr_t)executable, (char *)(uintptr_t) "-c",
                         (char *)(uintptr_t)script, NULL};
    struct os_program program = {executable, "/", arguments, no_environment};
    return os_process_start(&program, ret_pid);
}

/* The next end, with the wake-up that tells of it. */
static struct os_process_end wait_for_end(int wakeup)
{
    struct os_poller *poller;
    struct os_ready ready;
    struct os_process_end end = {0};
    assert_int_equal(os_poller_new(&poller), 0);
    assert_int_equal(os_poller_add(poller, wakeup, OS_READABLE, NULL), 0);
    while (!os_process_take_end(&end)) {
        (void)os_poller_wait(poller, &ready, 1, LONG_MS);
        os_wakeup_take(wakeup);
    }
    os_poller_free(poller);
    return end;
}

static int watched(void)
{
    int wakeup = os_wakeup_new();
    assert_true(wakeup >= 0);
    assert_int_equal(os_process_watch(wakeup), 0);
    return wakeup;
}

static void an_exit_code_is_taken(void **state)
{
    int wakeup = watched(), pid;
    (void)state;
    assert_int_equal(start("/bin/sh", "exit 7", &pid), 0);
    struct os_process_end end = wait_for_end(wakeup);
    assert_int_equal(end.pid, pid);
    assert_false(end.killed);
    assert_int_equal(end.number, 7);
    os_socket_close(wakeup);
}

static void a_group_is_ended_with_its_leader(void **state)
{
    int wakeup = watched(), pid;
    (void)state;
    assert_int_equal(start("/bin/sh", "sleep 1000 & wait", &pid), 0);
    os_process_end(pid, true);
    struct os_process_end end = wait_for_end(wakeup);
    assert_true(end.killed);
    assert_false(end.asked);
    assert_int_equal(end.number, 9);
    os_socket_close(wakeup);
}

static void an_end_that_was_asked_for_is_told_from_others(void **state)
{
    int wakeup = watched(), pid;
    (void)state;
    assert_int_equal(start("/bin/sh", "sleep 1000 & wait", &pid), 0);
    os_process_end(pid, false);
    struct os_process_end end = wait_for_end(wakeup);
    assert_true(end.killed);
    assert_true(end.asked);
    assert_int_equal(start("/bin/sh", "exit 15", &pid), 0);
    end = wait_for_end(wakeup);
    assert_false(end.asked);
    os_socket_close(wakeup);
}

static void what_cannot_be_started_says_why(void **state)
{
    int pid;
    struct os_process_end end;
    (void)state;
    assert_int_equal(start("/does/not/exist", "", &pid), ENOENT);
    assert_int_equal(start("/etc/passwd", "", &pid), EACCES);
    char *arguments[] = {NULL};
    struct os_program program = {"/bin/sh", "/does/not/exist", arguments, no_environment};
    assert_int_equal(os_process_start(&program, &pid), ENOENT);
    assert_false(os_process_take_end(&end));
}

static void who_gave_it_up_starts_no_program(void **state)
{
    int wakeup = watched(), pid, other;
    (void)state;
    assert_int_equal(os_process_fork(&pid), 0);
    if (pid == 0) {
        int error = os_process_forbid_programs();
        _Exit(error == 0 && start("/bin/sh", "exit 0", &other) == EPERM ? 0 : 1);
    }
    struct os_process_end end = wait_for_end(wakeup);
    assert_int_equal(end.pid, pid);
    assert_false(end.killed);
    assert_int_equal(end.number, 0);
    os_socket_close(wakeup);
}

static void messages_are_whole_or_refused(void **state)
{
    int ends[2];
    uint32_t number = 7, got = 0;
    uint8_t small = 1;
    (void)state;
    assert_int_equal(os_message_pair(ends), 0);
    assert_int_equal(os_message_receive(ends[1], &got, sizeof got), EAGAIN);
    assert_int_equal(os_message_send(ends[0], &small, sizeof small), 0);
    assert_int_equal(os_message_send(ends[0], &number, sizeof number), 0);
    assert_int_equal(os_message_receive(ends[1], &got, sizeof got), EMSGSIZE);
    assert_int_equal(os_message_receive(ends[1], &got, sizeof got), 0);
    assert_int_equal(got, 7);
    int error;
    while ((error = os_message_send(ends[0], &number, sizeof number)) == 0) {
    }
    assert_int_equal(error, EAGAIN);
    os_socket_close(ends[0]);
    while ((error = os_message_receive(ends[1], &got, sizeof got)) == 0) {
    }
    assert_int_equal(error, EPIPE);
    assert_int_equal(os_message_send(ends[1], &number, sizeof number), EPIPE);
    os_socket_close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_code_is_taken),
        cmocka_unit_test(a_group_is_ended_with_its_leader),
        cmocka_unit_test(an_end_that_was_asked_for_is_told_from_others),
        cmocka_unit_test(what_cannot_be_started_says_why),
        cmocka_unit_test(who_gave_it_up_starts_no_program),
        cmocka_unit_test(messages_are_whole_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
