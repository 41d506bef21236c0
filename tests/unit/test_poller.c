/* Many descriptors at once, wake-ups from other threads, signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/poller.h"
#include "os/thread.h"

#define PATIENCE_MS 20000
#define MANY        100

struct watch {
    struct os_poller *poller;
    int ends[2];
};

static int set_up(void **state)
{
    static struct watch w;
    assert_int_equal(os_poller_new(&w.poller), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w.ends), 0);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct watch *w = *state;
    os_poller_free(w->poller);
    (void)close(w->ends[0]);
    if (w->ends[1] >= 0) {
        (void)close(w->ends[1]);
    }
    return 0;
}

static void say_something(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
}

static void assert_ready(struct watch *w, void *data, int events)
{
    struct os_ready ready[4];
    assert_int_equal(os_poller_wait(w->poller, ready, 4, PATIENCE_MS), 1);
    assert_ptr_equal(ready[0].data, data);
    assert_int_equal(ready[0].events, events);
}

static void assert_nothing_is_ready(struct watch *w)
{
    struct os_ready ready[4];
    assert_int_equal(os_poller_wait(w->poller, ready, 4, 0), 0);
}

static void what_is_ready_is_told_until_it_is_not(void **state)
{
    struct watch *w = *state;
    char byte;
    assert_int_equal(os_poller_add(w->poller, w->ends[0], OS_READABLE, w), 0);
    assert_nothing_is_ready(w);
    say_something(w->ends[1]);
    assert_ready(w, w, OS_READABLE);
    assert_ready(w, w, OS_READABLE);
    assert_int_equal(read(w->ends[0], &byte, 1), 1);
    assert_nothing_is_ready(w);
}

static void only_what_was_asked_for_is_told(void **state)
{
    struct watch *w = *state;
    int other;
    say_something(w->ends[1]);
    assert_int_equal(os_poller_add(w->poller, w->ends[0], OS_READABLE | OS_WRITABLE, w), 0);
    assert_ready(w, w, OS_READABLE | OS_WRITABLE);
    os_poller_change(w->poller, w->ends[0], OS_WRITABLE, &other);
    assert_ready(w, &other, OS_WRITABLE);
    os_poller_change(w->poller, w->ends[0], 0, w);
    assert_nothing_is_ready(w);
    os_poller_change(w->poller, w->ends[0], OS_READABLE, w);
    os_poller_remove(w->poller, w->ends[0]);
    assert_nothing_is_ready(w);
}

static void a_peer_that_has_gone_makes_it_readable(void **state)
{
    struct watch *w = *state;
    assert_int_equal(os_poller_add(w->poller, w->ends[0], OS_READABLE, w), 0);
    (void)close(w->ends[1]);
    w->ends[1] = -1;
    assert_ready(w, w, OS_READABLE);
}

static void a_descriptor_is_watched_once(void **state)
{
    struct watch *w = *state;
    assert_int_equal(os_poller_add(w->poller, w->ends[0], OS_READABLE, w), 0);
    assert_int_equal(os_poller_add(w->poller, w->ends[0], OS_READABLE, w), EEXIST);
}

static void many_are_told_in_the_order_in_which_they_became_ready(void **state)
{
    struct watch *w = *state;
    int wakeups[MANY];
    struct os_ready ready[MANY];
    for (int i = 0; i < MANY; i++) {
        wakeups[i] = os_wakeup_new();
        assert_int_equal(os_poller_add(w->poller, wakeups[i], OS_READABLE, &wakeups[i]), 0);
    }
    for (int i = MANY - 1; i >= 0; i--) {
        os_wakeup_send(wakeups[i]);
    }
    unsigned count = os_poller_wait(w->poller, ready, MANY, PATIENCE_MS);
    assert_in_range(count, 2, MANY);
    for (unsigned i = 0; i < count; i++) {
        assert_ptr_equal(ready[i].data, &wakeups[MANY - 1 - i]);
    }
    assert_int_equal(os_poller_wait(w->poller, ready, 3, PATIENCE_MS), 3);
    for (int i = 0; i < MANY; i++) {
        (void)close(wakeups[i]);
    }
}

static void send_wakeup(void *context)
{
    os_wakeup_send(*(int *)context);
}

static void another_thread_wakes_who_waits(void **state)
{
    struct watch *w = *state;
    int wakeup = os_wakeup_new();
    struct os_thread *thread;
    assert_int_equal(os_poller_add(w->poller, wakeup, OS_READABLE, w), 0);
    assert_int_equal(os_thread_start("waker", send_wakeup, &wakeup, &thread), 0);
    assert_ready(w, w, OS_READABLE);
    os_thread_join(thread);
    os_wakeup_send(wakeup);
    os_wakeup_take(wakeup);
    assert_nothing_is_ready(w);
    (void)close(wakeup);
}

static void signals_are_remembered_and_wake(void **state)
{
    struct watch *w = *state;
    int wakeup = os_wakeup_new();
    assert_int_equal(os_poller_add(w->poller, wakeup, OS_READABLE, w), 0);
    assert_int_equal(os_signals_catch(wakeup), 0);
    assert_int_equal(os_signals_take(), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_ready(w, w, OS_READABLE);
    assert_int_equal(os_signals_take(), OS_ASKED_TO_READ_AGAIN);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(os_signals_take(), OS_ASKED_TO_END | OS_ASKED_TO_READ_AGAIN);
    assert_int_equal(raise(SIGINT), 0);
    assert_int_equal(os_signals_take(), OS_ASKED_TO_END);
    assert_int_equal(os_signals_take(), 0);
    os_signals_release();
    (void)close(wakeup);
}

static void a_sleep_is_not_shorter_than_asked(void **state)
{
    (void)state;
    uint64_t before_ns = os_monotonic_ns();
    os_sleep_ns(300000);
    assert_true(os_monotonic_ns() - before_ns >= 300000);
}

#define watching(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        watching(what_is_ready_is_told_until_it_is_not),
        watching(only_what_was_asked_for_is_told),
        watching(a_peer_that_has_gone_makes_it_readable),
        watching(a_descriptor_is_watched_once),
        watching(many_are_told_in_the_order_in_which_they_became_ready),
        watching(another_thread_wakes_who_waits),
        watching(signals_are_remembered_and_wake),
        cmocka_unit_test(a_sleep_is_not_shorter_than_asked),
    };
    return cmocka_run_group_tests_name("poller", tests, NULL, NULL);
}
