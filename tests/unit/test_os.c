/* tests/unit/test_os.c: clocks, files, threads and system calls of src/os. */
#include "temporary_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/system.h"
#include "os/thread.h"

#define PATIENCE_MS 10000

/* ---- clock ---- */

static void monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    uint64_t before = os_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = os_monotonic_ns();
        assert_true(now >= before);
        before = now;
    }
    uint64_t now_ms = os_monotonic_ms();
    assert_in_range(now_ms, before / 1000000, before / 1000000 + PATIENCE_MS);
}

static void wall_clock_tells_the_systems_time(void **state)
{
    (void)state;
    int64_t seconds = os_wall_ns() / 1000000000;
    assert_in_range(seconds, (int64_t)time(NULL) - 1, (int64_t)time(NULL) + 1);
}

static void local_time_takes_wall_time_apart(void **state)
{
    (void)state;
    struct os_calendar t = os_local_time(INT64_C(1663919291289000000));
    assert_int_equal(t.year, 2022);
    assert_int_equal(t.month, 9);
    assert_int_equal(t.day, 23);
    assert_int_equal(t.hour, 7);
    assert_int_equal(t.minute, 48);
    assert_int_equal(t.second, 11);
    assert_int_equal(t.millisecond, 289);
}

static void local_time_rounds_down_before_1970(void **state)
{
    (void)state;
    struct os_calendar t = os_local_time(-1);
    assert_int_equal(t.year, 1969);
    assert_int_equal(t.month, 12);
    assert_int_equal(t.day, 31);
    assert_int_equal(t.second, 59);
    assert_int_equal(t.millisecond, 999);
}

/* ---- files ---- */

static void stamp_of_a_missing_file_says_so(void **state)
{
    struct os_file_stamp stamp;
    assert_int_equal(os_file_stamp(path_in(*state, "missing"), &stamp), 0);
    assert_false(stamp.exists);
    assert_int_equal(stamp.size, 0);
}

static void stamp_through_a_file_as_directory_is_an_error(void **state)
{
    write_file(path_in(*state, "file"), "x");
    struct os_file_stamp stamp;
    assert_int_equal(os_file_stamp(path_in(*state, "file/below"), &stamp), ENOTDIR);
}

static void stamp_tells_size_mode_and_owner(void **state)
{
    const char *path = path_in(*state, "file");
    write_file(path, "12345");
    assert_int_equal(chmod(path, 0640), 0);
    struct os_file_stamp stamp;
    assert_int_equal(os_file_stamp(path, &stamp), 0);
    assert_true(stamp.exists);
    assert_int_equal(stamp.size, 5);
    assert_int_equal(stamp.mode, 0640);
    assert_int_equal(stamp.owner_uid, geteuid());
}

static void equal_stamps_differ_after_any_field_changes(void **state)
{
    (void)state;
    const struct os_file_stamp stamp = {.exists = true,
                                        .device = 1,
                                        .inode = 2,
                                        .size = 3,
                                        .mtime_ns = 4,
                                        .ctime_ns = 5,
                                        .mode = 6,
                                        .owner_uid = 7};
    struct os_file_stamp same = stamp;
    assert_true(os_file_stamp_equal(&stamp, &same));
    struct os_file_stamp others[8];
    for (size_t i = 0; i < 8; i++) {
        others[i] = stamp;
    }
    others[0].exists = false;
    others[1].device++;
    others[2].inode++;
    others[3].size++;
    others[4].mtime_ns++;
    others[5].ctime_ns++;
    others[6].mode++;
    others[7].owner_uid++;
    for (size_t i = 0; i < 8; i++) {
        assert_false(os_file_stamp_equal(&stamp, &others[i]));
    }
}

static void stamp_follows_a_symlink_flip(void **state)
{
    write_file(path_in(*state, "old"), "same");
    write_file(path_in(*state, "new"), "same");
    const char *link_path = path_in(*state, "link");
    assert_int_equal(symlink("old", link_path), 0);
    struct os_file_stamp before;
    struct os_file_stamp after;
    assert_int_equal(os_file_stamp(link_path, &before), 0);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(symlink("new", link_path), 0);
    assert_int_equal(os_file_stamp(link_path, &after), 0);
    assert_false(os_file_stamp_equal(&before, &after));
}

static void read_gives_all_bytes_terminated_and_the_stamp(void **state)
{
    const char *path = path_in(*state, "file");
    write_file(path, "hello");
    char *data = NULL;
    size_t size = 0;
    struct os_file_stamp read_stamp;
    struct os_file_stamp stamp;
    assert_int_equal(os_file_read(path, 100, &data, &size, &read_stamp), 0);
    assert_int_equal(size, 5);
    assert_string_equal(data, "hello");
    free(data);
    assert_int_equal(os_file_stamp(path, &stamp), 0);
    assert_true(os_file_stamp_equal(&stamp, &read_stamp));
}

static void read_takes_max_size_and_refuses_one_more(void **state)
{
    const char *path = path_in(*state, "file");
    write_file(path, "12345");
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(os_file_read(path, 4, &data, &size, NULL), EFBIG);
    assert_null(data);
    assert_int_equal(os_file_read(path, 5, &data, &size, NULL), 0);
    assert_int_equal(size, 5);
    free(data);
}

static void read_of_an_empty_file_gives_empty_text(void **state)
{
    const char *path = path_in(*state, "empty");
    write_file(path, "");
    char *data = NULL;
    size_t size = 1;
    assert_int_equal(os_file_read(path, 0, &data, &size, NULL), 0);
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
    free(data);
}

static void read_takes_files_of_proc_that_say_they_are_empty(void **state)
{
    (void)state;
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(os_file_read("/proc/self/limits", 65536, &data, &size, NULL), 0);
    assert_true(size > 0);
    assert_non_null(strstr(data, "Max open files"));
    free(data);
    assert_int_equal(os_file_read("/proc/self/limits", size - 1, &data, &size, NULL), EFBIG);
}

static void read_refuses_what_is_no_regular_file(void **state)
{
    struct temporary_directory *directory = *state;
    char *data = NULL;
    size_t size = 0;
    assert_int_equal(os_file_read(directory->path, 100, &data, &size, NULL), EISDIR);
    assert_int_equal(os_file_read(path_in(directory, "missing"), 100, &data, &size, NULL), ENOENT);
    const char *fifo = path_in(directory, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(os_file_read(fifo, 100, &data, &size, NULL), EINVAL);
    assert_null(data);
}

static _Noreturn void change_for_ever(const char *path)
{
    static char bytes[256 * 1024];
    int fd = open(path, O_WRONLY);
    for (;;) {
        if (pwrite(fd, bytes, sizeof bytes, 0) < 0) {
            _exit(1);
        }
    }
}

static void read_of_a_file_that_changes_meanwhile_is_busy(void **state)
{
    const char *path = path_in(*state, "file");
    write_file(path, "");
    assert_int_equal(truncate(path, 256 * 1024), 0);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        change_for_ever(path);
    }
    int error = 0;
    uint64_t deadline = os_monotonic_ms() + PATIENCE_MS;
    while (error == 0 && os_monotonic_ms() < deadline) {
        char *data = NULL;
        size_t size = 0;
        error = os_file_read(path, 1024 * 1024, &data, &size, NULL);
        free(data);
    }
    assert_int_equal(kill(writer, SIGKILL), 0);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    assert_int_equal(error, EBUSY);
}

static size_t count_entries_of(const char *command_path)
{
    char command[TEST_PATH_MAX + 32];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", command_path);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    unsigned long count = 0;
    assert_int_equal(fscanf(list, "%lu", &count), 1);
    (void)pclose(list);
    return count;
}

static void replace_puts_a_new_file_in_place_with_its_mode(void **state)
{
    struct temporary_directory *directory = *state;
    const char *path = path_in(directory, "key");
    write_file(path, "old and longer");
    assert_int_equal(chmod(path, 0644), 0);
    struct os_file_stamp before;
    struct os_file_stamp after;
    assert_int_equal(os_file_stamp(path, &before), 0);
    assert_int_equal(os_file_replace(path, "new", 3, 0600), 0);
    assert_int_equal(os_file_stamp(path, &after), 0);
    assert_file_is(path, "new");
    assert_int_equal(mode_of(path), 0600);
    assert_int_not_equal(before.inode, after.inode);
    assert_int_equal(count_entries_of(directory->path), 1);
}

static void failed_replace_leaves_the_old_file_and_no_other(void **state)
{
    struct temporary_directory *directory = *state;
    const char *path = path_in(directory, "taken");
    assert_int_equal(mkdir(path, 0700), 0); /* a file cannot be renamed over a directory */
    assert_int_equal(os_file_replace(path, "new", 3, 0600), EISDIR);
    assert_int_equal(count_entries_of(directory->path), 1);
    assert_int_equal(os_file_replace(path_in(directory, "no/where"), "x", 1, 0600), ENOENT);
}

static void directory_make_makes_parents_and_accepts_existing_ones(void **state)
{
    const char *path = path_in(*state, "a//b/c/");
    assert_int_equal(os_directory_make(path, 0700), 0);
    assert_int_equal(mode_of(path_in(*state, "a")), 0700);
    assert_int_equal(mode_of(path_in(*state, "a/b/c")), 0700);
    assert_int_equal(os_directory_make(path_in(*state, "a/b/c"), 0700), 0);
    assert_int_equal(os_directory_make("/", 0700), 0);
}

static void directory_make_refuses_a_file_in_the_way(void **state)
{
    write_file(path_in(*state, "file"), "x");
    assert_int_equal(os_directory_make(path_in(*state, "file"), 0700), ENOTDIR);
    assert_int_equal(os_directory_make(path_in(*state, "file/below"), 0700), ENOTDIR);
    assert_int_equal(os_directory_make("", 0700), ENOENT);
}

static void append_adds_at_the_end(void **state)
{
    const char *path = path_in(*state, "log");
    int fd = -1;
    assert_int_equal(os_file_open_append(path, 0640, &fd), 0);
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(os_file_append(fd, "one\n", 4, false), 0);
    os_file_close(fd);
    assert_int_equal(os_file_open_append(path, 0640, &fd), 0);
    assert_int_equal(os_file_append(fd, "two\n", 4, true), 0);
    os_file_close(fd);
    assert_file_is(path, "one\ntwo\n");
}

/* Limits the size of files for the rest of this process: only in children. */
static void limit_file_size(rlim_t size)
{
    struct rlimit limit = {.rlim_cur = size, .rlim_max = size};
    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        _exit(99);
    }
}

static int exit_code_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void locked_append_that_fails_leaves_no_torn_line(void **state)
{
    const char *path = path_in(*state, "log");
    int fd = -1;
    assert_int_equal(os_file_open_append(path, 0640, &fd), 0);
    assert_int_equal(os_file_append(fd, "12345\n", 6, true), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        limit_file_size(10);
        _exit(os_file_append(fd, "67890\n", 6, true) == EFBIG ? 0 : 1);
    }
    assert_int_equal(exit_code_of(child), 0);
    os_file_close(fd);
    assert_file_is(path, "12345\n");
}

static void append_file_adds_the_whole_of_another(void **state)
{
    const char *from = path_in(*state, "from");
    const char *to = path_in(*state, "to");
    static char long_text[100001];
    memset(long_text, 'x', sizeof long_text - 1);
    write_file(from, long_text);
    assert_int_equal(os_file_append_file(from, to, 0640), 0);
    assert_file_is(to, long_text);
    write_file(from, "end");
    assert_int_equal(os_file_append_file(from, to, 0640), 0);
    struct os_file_stamp stamp;
    assert_int_equal(os_file_stamp(to, &stamp), 0);
    assert_int_equal(stamp.size, sizeof long_text - 1 + 3);
    assert_int_equal(os_file_append_file(path_in(*state, "missing"), to, 0640), ENOENT);
}

static void append_file_that_fails_changes_nothing(void **state)
{
    const char *from = path_in(*state, "from");
    const char *to = path_in(*state, "to");
    write_file(from, "0123456789");
    write_file(to, "kept");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        limit_file_size(8);
        _exit(os_file_append_file(from, to, 0640) == EFBIG ? 0 : 1);
    }
    assert_int_equal(exit_code_of(child), 0);
    assert_file_is(to, "kept");
}

static void lock_is_exclusive_until_it_is_closed(void **state)
{
    const char *path = path_in(*state, "lock");
    int first = -1;
    int second = -1;
    assert_int_equal(os_file_open_append(path, 0600, &first), 0);
    assert_int_equal(os_file_open_append(path, 0600, &second), 0);
    assert_int_equal(os_file_try_lock(first), 0);
    assert_int_equal(os_file_try_lock(second), EWOULDBLOCK);
    os_file_close(first);
    assert_int_equal(os_file_try_lock(second), 0);
    os_file_close(second);
}

static void rename_replaces_and_remove_accepts_a_missing_file(void **state)
{
    const char *from = path_in(*state, "from");
    const char *to = path_in(*state, "to");
    write_file(from, "new");
    write_file(to, "old");
    assert_int_equal(os_file_rename(from, to), 0);
    assert_file_is(to, "new");
    assert_int_equal(os_file_rename(from, to), ENOENT);
    assert_int_equal(os_file_remove(to), 0);
    assert_false(is_there(to));
    assert_int_equal(os_file_remove(to), 0);
}

static void a_locked_directory_outlives_its_files_that_are_replaced(void **state)
{
    const struct temporary_directory *directory = *state;
    const char *path = path_in(directory, "f");
    int first = -1, second = -1;
    assert_int_equal(os_directory_open(directory->path, &first), 0);
    assert_int_equal(os_directory_open(directory->path, &second), 0);
    assert_int_equal(os_file_try_lock(first), 0);
    assert_int_equal(os_file_replace(path, "new", 3, 0644), 0);
    assert_int_equal(os_file_sync(first), 0);
    assert_int_equal(os_file_try_lock(second), EWOULDBLOCK);
    os_file_close(first);
    assert_int_equal(os_file_try_lock(second), 0);
    os_file_close(second);
    assert_int_equal(os_directory_open(path, &first), ENOTDIR);
    assert_int_equal(os_directory_open(path_in(directory, "no"), &first), ENOENT);
}

static void owner_is_taken_over_where_the_user_may(void **state)
{
    const char *like = path_in(*state, "like");
    const char *path = path_in(*state, "f");
    write_file(like, "");
    write_file(path, "");
    assert_int_equal(os_file_take_owner(path, like), 0);
    assert_int_equal(os_file_take_owner(path, path_in(*state, "no")), ENOENT);
    if (geteuid() == 0) {
        assert_int_equal(chown(like, 12345, 23456), 0);
        assert_int_equal(os_file_take_owner(path, like), 0);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_uid, 12345);
        assert_int_equal(st.st_gid, 23456);
    }
}

static void real_path_follows_links(void **state)
{
    const char *path = path_in(*state, "f");
    const char *link = path_in(*state, "link");
    write_file(path, "");
    assert_int_equal(symlink("f", link), 0);
    char *real, *expected;
    assert_int_equal(os_file_real_path(link, &real), 0);
    assert_int_equal(os_file_real_path(path, &expected), 0);
    assert_string_equal(real, expected);
    free(real);
    free(expected);
    assert_int_equal(os_file_real_path(path_in(*state, "no"), &real), ENOENT);
    assert_null(real);
}

static void error_text_explains_and_is_never_null(void **state)
{
    (void)state;
    assert_non_null(strstr(os_error_text(ENOENT), "No such file"));
    assert_non_null(os_error_text(-12345));
}

/* ---- threads ---- */

struct seen_by_thread {
    char name[16];
    bool blocks_signals;
    int nice_before, nice_after;
};

static void look_around(void *context)
{
    struct seen_by_thread *seen = context;
    sigset_t blocked;
    (void)pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    seen->blocks_signals =
        sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGHUP) == 1;
    seen->nice_before = getpriority(PRIO_PROCESS, (id_t)gettid());
    os_thread_lower_priority(1);
    seen->nice_after = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void thread_has_its_name_blocks_signals_and_lowers_only_its_own_priority(void **state)
{
    (void)state;
    struct seen_by_thread seen = {.blocks_signals = false};
    struct os_thread *thread = NULL;
    int nice_of_this = getpriority(PRIO_PROCESS, (id_t)gettid());
    assert_int_equal(os_thread_start("a-name-of-exactly-too-much", look_around, &seen, &thread), 0);
    os_thread_join(thread);
    assert_string_equal(seen.name, "a-name-of-exact");
    assert_true(seen.blocks_signals);
    assert_int_equal(seen.nice_after, seen.nice_before < 19 ? seen.nice_before + 1 : 19);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), nice_of_this);
    sigset_t blocked;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    os_thread_join(NULL);
}

struct shared_counter {
    struct os_mutex *mutex;
    struct os_condition *changed;
    unsigned count;
};

static void count_up(void *context)
{
    struct shared_counter *counter = context;
    for (int i = 0; i < 1000; i++) {
        os_mutex_lock(counter->mutex);
        counter->count++;
        os_condition_signal(counter->changed);
        os_mutex_unlock(counter->mutex);
    }
}

static void condition_wakes_who_waits(void **state)
{
    (void)state;
    struct shared_counter counter = {.mutex = os_mutex_new(), .changed = os_condition_new()};
    struct os_thread *threads[2];
    assert_int_equal(os_thread_start("one", count_up, &counter, &threads[0]), 0);
    assert_int_equal(os_thread_start("two", count_up, &counter, &threads[1]), 0);
    os_mutex_lock(counter.mutex);
    while (counter.count < 2000) {
        (void)os_condition_wait(counter.changed, counter.mutex, UINT32_MAX);
    }
    os_mutex_unlock(counter.mutex);
    os_thread_join(threads[0]);
    os_thread_join(threads[1]);
    assert_int_equal(counter.count, 2000);
    os_condition_free(counter.changed);
    os_mutex_free(counter.mutex);
    os_condition_free(NULL);
    os_mutex_free(NULL);
}

static void condition_gives_up_after_its_time(void **state)
{
    (void)state;
    struct os_mutex *mutex = os_mutex_new();
    struct os_condition *condition = os_condition_new();
    os_mutex_lock(mutex);
    uint64_t begin = os_monotonic_ms();
    bool woken = true;
    while (woken) {
        woken = os_condition_wait(condition, mutex, 20);
    }
    os_mutex_unlock(mutex);
    assert_in_range(os_monotonic_ms() - begin, 19, PATIENCE_MS);
    os_condition_free(condition);
    os_mutex_free(mutex);
}

/* ---- system ---- */

static void host_name_has_no_domain_and_is_cut_to_size(void **state)
{
    (void)state;
    char name[256];
    char cut[2];
    os_host_name(name, sizeof name);
    assert_int_not_equal(name[0], '\0');
    assert_null(strchr(name, '.'));
    os_host_name(cut, sizeof cut);
    assert_int_equal(cut[0], name[0]);
    assert_int_equal(cut[1], '\0');
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[1024] = {0};
    unsigned char b[1024] = {0};
    assert_true(os_random(a, sizeof a));
    assert_true(os_random(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 992, b + 992, 32);
}

static void process_knows_itself(void **state)
{
    (void)state;
    assert_int_equal(os_process_id(), getpid());
    assert_int_equal(os_user_id(), geteuid());
    assert_true(os_processor_count() >= 1);
    assert_true(os_process_memory() > 100 * 1024);
    uint64_t before = os_process_cpu_ns();
    uint64_t deadline = os_monotonic_ms() + PATIENCE_MS;
    while (os_process_cpu_ns() == before) {
        assert_true(os_monotonic_ms() < deadline);
    }
}

static void descriptor_limit_is_raised_to_the_hard_limit(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit lowered = {.rlim_cur = 64, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lowered), 0);
    assert_int_equal(os_raise_descriptor_limit(), limit.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &lowered), 0);
    assert_int_equal(lowered.rlim_cur, limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void broken_pipes_do_not_end_the_process(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(close(ends[0]), 0);
    os_ignore_broken_pipes();
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_false(os_is_terminal(ends[1]));
    assert_int_equal(close(ends[1]), 0);
}

static void empty_environment_variable_counts_as_none(void **state)
{
    (void)state;
    assert_int_equal(setenv("D2K_TEST_VARIABLE", "value", 1), 0);
    assert_string_equal(os_environment("D2K_TEST_VARIABLE"), "value");
    assert_int_equal(setenv("D2K_TEST_VARIABLE", "", 1), 0);
    assert_null(os_environment("D2K_TEST_VARIABLE"));
    assert_int_equal(unsetenv("D2K_TEST_VARIABLE"), 0);
    assert_null(os_environment("D2K_TEST_VARIABLE"));
}

#define with_directory(f) \
    cmocka_unit_test_setup_teardown(f, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_clock_does_not_go_back),
        cmocka_unit_test(wall_clock_tells_the_systems_time),
        cmocka_unit_test(local_time_takes_wall_time_apart),
        cmocka_unit_test(local_time_rounds_down_before_1970),
        with_directory(stamp_of_a_missing_file_says_so),
        with_directory(stamp_through_a_file_as_directory_is_an_error),
        with_directory(stamp_tells_size_mode_and_owner),
        cmocka_unit_test(equal_stamps_differ_after_any_field_changes),
        with_directory(stamp_follows_a_symlink_flip),
        with_directory(read_gives_all_bytes_terminated_and_the_stamp),
        with_directory(read_takes_max_size_and_refuses_one_more),
        with_directory(read_of_an_empty_file_gives_empty_text),
        cmocka_unit_test(read_takes_files_of_proc_that_say_they_are_empty),
        with_directory(read_refuses_what_is_no_regular_file),
        with_directory(read_of_a_file_that_changes_meanwhile_is_busy),
        with_directory(replace_puts_a_new_file_in_place_with_its_mode),
        with_directory(failed_replace_leaves_the_old_file_and_no_other),
        with_directory(directory_make_makes_parents_and_accepts_existing_ones),
        with_directory(directory_make_refuses_a_file_in_the_way),
        with_directory(append_adds_at_the_end),
        with_directory(locked_append_that_fails_leaves_no_torn_line),
        with_directory(append_file_adds_the_whole_of_another),
        with_directory(append_file_that_fails_changes_nothing),
        with_directory(lock_is_exclusive_until_it_is_closed),
        with_directory(rename_replaces_and_remove_accepts_a_missing_file),
        with_directory(a_locked_directory_outlives_its_files_that_are_replaced),
        with_directory(owner_is_taken_over_where_the_user_may),
        with_directory(real_path_follows_links),
        cmocka_unit_test(error_text_explains_and_is_never_null),
        cmocka_unit_test(thread_has_its_name_blocks_signals_and_lowers_only_its_own_priority),
        cmocka_unit_test(condition_wakes_who_waits),
        cmocka_unit_test(condition_gives_up_after_its_time),
        cmocka_unit_test(host_name_has_no_domain_and_is_cut_to_size),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(process_knows_itself),
        cmocka_unit_test(descriptor_limit_is_raised_to_the_hard_limit),
        cmocka_unit_test(broken_pipes_do_not_end_the_process),
        cmocka_unit_test(empty_environment_variable_counts_as_none),
    };
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    return cmocka_run_group_tests_name("os", tests, NULL, NULL);
}
