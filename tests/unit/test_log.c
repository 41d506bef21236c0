/* tests/unit/test_log.c: log files: keeping, sharing, losing lines and saying so. */
#include "temporary_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "log/log_file.h"
#include "os/clock.h"

#define PATIENCE_MS 20000

static struct log_file *open_log(const struct temporary_directory *directory,
                                 struct log_file_options options)
{
    options.directory = directory->path;
    options.name = "KNL-SELF";
    struct log_file *file = NULL;
    struct error err = {.code = D2K_OK};
    if (log_file_open(&options, &file, &err) != D2K_OK) {
        fail_msg("%s", err.text);
    }
    return file;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* One start of a program that logs one line. */
static void log_one_line(const struct temporary_directory *directory, uint64_t max_history_size,
                         const char *text)
{
    struct log_file *file =
        open_log(directory, (struct log_file_options){.max_history_size = max_history_size});
    log_write(log_file_log(file), LOG_INFO, "TEST", "%s", text);
    log_file_close(file);
}

static void assert_holds(const struct temporary_directory *directory, const char *name,
                         const char *const *texts, size_t count)
{
    char *content = read_file(path_in(directory, name));
    const char *at = content;
    for (size_t i = 0; i < count; i++) {
        at = strstr(at, texts[i]);
        if (at == NULL) {
            fail_msg("%s lacks '%s' or has it in the wrong place:\n%s", name, texts[i], content);
        }
    }
    assert_int_equal(count_of(content, "\n"), count);
    for (at = strstr(content, "[20"); at != NULL; at = strstr(at + 1, "[20")) {
        assert_true(at == content || at[-1] == '\n'); /* no line begins within a torn one */
    }
    free(content);
}

#define HOLDS(directory, name, ...)                                   \
    assert_holds(directory, name, (const char *const[]){__VA_ARGS__}, \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* ---- writing ---- */

static void line_is_in_the_file_when_log_write_returns(void **state)
{
    struct log_file *file = open_log(*state, (struct log_file_options){.shared = false});
    assert_string_equal(log_file_path(file), path_in(*state, "KNL-SELF.log"));
    log_write(log_file_log(file), LOG_INFO, "SERVER", "first");
    log_write_with_tail(log_file_log(file), LOG_INFO, "CLIENT", "ConnectionSqlId = 1", "second");
    log_write(log_file_log(file), LOG_DEBUG, "SERVER", "above the level");
    HOLDS(*state, "KNL-SELF.log", "] SERVER - first\n", "] CLIENT - second\n",
          "ConnectionSqlId = 1\n");
    assert_int_equal(log_file_lost(file), 0);
    log_file_close(file);
    log_file_close(NULL);
}

static void directory_is_made_and_nobody_else_may_read(void **state)
{
    struct temporary_directory *directory = *state;
    char below[TEST_PATH_MAX];
    snprintf(below, sizeof below, "%s", path_in(directory, "var/log"));
    struct log_file_options options = {.directory = below, .name = "PNK-PC.PNK-2"};
    struct log_file *file = NULL;
    assert_int_equal(log_file_open(&options, &file, NULL), D2K_OK);
    assert_int_equal(mode_of(path_in(directory, "var/log")) & 0007u, 0);
    assert_int_equal(mode_of(path_in(directory, "var/log/PNK-PC.PNK-2.log")) & 0007u, 0);
    log_file_close(file);
}

static void log_that_cannot_be_opened_says_which_and_why(void **state)
{
    struct temporary_directory *directory = *state;
    write_file(path_in(directory, "file"), "x");
    char in_the_way[TEST_PATH_MAX];
    snprintf(in_the_way, sizeof in_the_way, "%s", path_in(directory, "file"));
    struct log_file_options options = {.directory = in_the_way, .name = "A"};
    struct log_file *file = NULL;
    struct error err = {.code = D2K_OK};
    assert_int_equal(log_file_open(&options, &file, &err), D2K_FILE);
    assert_null(file);
    assert_non_null(strstr(err.text, in_the_way));
    assert_non_null(strstr(err.text, "Not a directory"));

    options.directory = directory->path;
    assert_int_equal(mkdir(path_in(directory, "B.log"), 0700), 0);
    options.name = "B";
    options.shared = true;
    assert_int_equal(log_file_open(&options, &file, &err), D2K_FILE);
    assert_non_null(strstr(err.text, "/B.log"));
    assert_non_null(strstr(err.text, "Is a directory"));
}

static void name_cannot_lead_out_of_the_directory(void **state)
{
    struct temporary_directory *directory = *state;
    static const char *const wrong[] = {"", "../A", "/tmp/A", "a/b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct log_file_options options = {.directory = directory->path, .name = wrong[i]};
        struct log_file *file = NULL;
        struct error err = {.code = D2K_OK};
        assert_int_equal(log_file_open(&options, &file, &err), D2K_FILE);
        assert_null(file);
    }
}

/* ---- keeping ---- */

static void three_starts_keep_three_logs(void **state)
{
    log_one_line(*state, 0, "start 1");
    HOLDS(*state, "KNL-SELF.log", "start 1");
    assert_false(is_there(path_in(*state, "KNL-SELF.prev.log")));
    log_one_line(*state, 0, "start 2");
    HOLDS(*state, "KNL-SELF.log", "start 2");
    HOLDS(*state, "KNL-SELF.prev.log", "start 1");
    assert_false(is_there(path_in(*state, "KNL-SELF.his.log")));
    log_one_line(*state, 0, "start 3");
    HOLDS(*state, "KNL-SELF.log", "start 3");
    HOLDS(*state, "KNL-SELF.prev.log", "start 2");
    HOLDS(*state, "KNL-SELF.his.log", "start 1");
    log_one_line(*state, 0, "start 4");
    HOLDS(*state, "KNL-SELF.log", "start 4");
    HOLDS(*state, "KNL-SELF.prev.log", "start 3");
    HOLDS(*state, "KNL-SELF.his.log", "start 1", "start 2");
    assert_false(is_there(path_in(*state, "KNL-SELF.his.log.bak")));
}

static void history_over_its_limit_is_moved_away(void **state)
{
    write_file(path_in(*state, "KNL-SELF.log"), "last\n");
    write_file(path_in(*state, "KNL-SELF.prev.log"), "previous\n");
    write_file(path_in(*state, "KNL-SELF.his.log"), "history 12\n"); /* 11 bytes */
    write_file(path_in(*state, "KNL-SELF.his.log.bak"), "older\n");
    log_one_line(*state, 11, "at the limit");
    HOLDS(*state, "KNL-SELF.his.log", "history 12", "previous");
    HOLDS(*state, "KNL-SELF.his.log.bak", "older");

    write_file(path_in(*state, "KNL-SELF.his.log"), "history 123\n"); /* one byte over */
    log_one_line(*state, 11, "over the limit");
    HOLDS(*state, "KNL-SELF.his.log.bak", "history 123");
    HOLDS(*state, "KNL-SELF.his.log", "last");
    HOLDS(*state, "KNL-SELF.prev.log", "at the limit");
}

static void previous_log_stays_when_there_is_no_last_one(void **state)
{
    write_file(path_in(*state, "KNL-SELF.prev.log"), "previous\n");
    log_one_line(*state, 0, "new");
    HOLDS(*state, "KNL-SELF.prev.log", "previous");
    assert_false(is_there(path_in(*state, "KNL-SELF.his.log")));
}

static void logs_that_cannot_be_kept_are_continued(void **state)
{
    write_file(path_in(*state, "KNL-SELF.log"), "last\n");
    write_file(path_in(*state, "KNL-SELF.prev.log"), "previous\n");
    assert_int_equal(mkdir(path_in(*state, "KNL-SELF.his.log"), 0700), 0);
    log_one_line(*state, 0, "new");
    HOLDS(*state, "KNL-SELF.log", "last", "LOG - WARNING: Old logs beside ", "new");
    HOLDS(*state, "KNL-SELF.prev.log", "previous");
}

static void two_writers_of_one_exclusive_log_are_refused_before_anything_is_moved(void **state)
{
    struct temporary_directory *directory = *state;
    struct log_file *first = open_log(directory, (struct log_file_options){.shared = false});
    log_write(log_file_log(first), LOG_INFO, "TEST", "of the first");
    struct log_file_options options = {.directory = directory->path, .name = "KNL-SELF"};
    struct log_file *second = NULL;
    struct error err = {.code = D2K_OK};
    assert_int_equal(log_file_open(&options, &second, &err), D2K_FILE);
    assert_null(second);
    assert_non_null(strstr(err.text, "KNL-SELF.log is being written by another process"));
    HOLDS(directory, "KNL-SELF.log", "of the first");
    assert_false(is_there(path_in(directory, "KNL-SELF.prev.log")));
    log_file_close(first);
    log_one_line(directory, 0, "now it is free");
    HOLDS(directory, "KNL-SELF.log", "now it is free");
}

/* ---- sharing ---- */

#define WRITERS          4
#define LINES_OF_WRITERS 500

static _Noreturn void write_shared_lines(const struct temporary_directory *directory, char letter)
{
    struct log_file_options options = {
        .directory = directory->path, .name = "KNL-SELF", .shared = true};
    struct log_file *file = NULL;
    char text[300];
    memset(text, letter, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    if (log_file_open(&options, &file, NULL) != D2K_OK) {
        _exit(1);
    }
    for (int i = 0; i < LINES_OF_WRITERS; i++) {
        log_write(log_file_log(file), LOG_INFO, "TEST", "%s", text);
    }
    bool lost = log_file_lost(file) != 0;
    log_file_close(file);
    _exit(lost ? 2 : 0);
}

static void check_unmixed_line(const char *line, size_t counts[WRITERS])
{
    const char *text = strstr(line, " TEST - ");
    assert_non_null(text);
    text += strlen(" TEST - ");
    assert_in_range(text[0], 'a', 'a' + WRITERS - 1);
    const char repeated[] = {text[0], '\0'};
    assert_int_equal(strspn(text, repeated), 299);
    assert_int_equal(text[299], '\0');
    assert_int_equal(line[0], '[');
    counts[text[0] - 'a']++;
}

static void processes_that_share_a_log_do_not_mix_their_lines(void **state)
{
    struct temporary_directory *directory = *state;
    write_file(path_in(directory, "KNL-SELF.log"), "");
    pid_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        assert_true(writers[i] >= 0);
        if (writers[i] == 0) {
            write_shared_lines(directory, (char)('a' + i));
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    char *content = read_file(path_in(directory, "KNL-SELF.log"));
    size_t counts[WRITERS] = {0};
    char *following = content;
    for (char *line = strsep(&following, "\n"); line != NULL; line = strsep(&following, "\n")) {
        if (line[0] != '\0') {
            check_unmixed_line(line, counts);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(counts[i], LINES_OF_WRITERS);
    }
    free(content);
    assert_false(is_there(path_in(directory, "KNL-SELF.prev.log")));
}

/* ---- with a thread ---- */

static void close_writes_what_waits(void **state)
{
    struct log_file *file = open_log(*state, (struct log_file_options){.threaded = true});
    for (int i = 0; i < 5000; i++) {
        log_write(log_file_log(file), LOG_INFO, "TEST", "line %d.", i);
    }
    assert_int_equal(log_file_lost(file), 0);
    log_file_close(file);
    char *content = read_file(path_in(*state, "KNL-SELF.log"));
    const char *at = content;
    for (int i = 0; i < 5000; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "TEST - line %d.\n", i);
        at = strstr(at, expected);
        assert_non_null(at);
    }
    assert_int_equal(count_of(content, "\n"), 5000);
    free(content);
}

static void thread_writes_without_being_closed(void **state)
{
    struct log_file *file = open_log(*state, (struct log_file_options){.threaded = true});
    log_write(log_file_log(file), LOG_INFO, "TEST", "soon there");
    uint64_t deadline = os_monotonic_ms() + PATIENCE_MS;
    size_t found = 0;
    while (found == 0 && os_monotonic_ms() < deadline) {
        char *content = read_file(path_in(*state, "KNL-SELF.log"));
        found = count_of(content, "soon there\n");
        free(content);
    }
    assert_int_equal(found, 1);
    log_file_close(file);
}

/* Sum over all lines that tell of a gap. */
static unsigned long reported_losses(const char *content)
{
    static const char before[] = " LOG - WARNING: ";
    static const char after[] = " were lost here: the queue of the log was full\n";
    unsigned long sum = 0;
    for (const char *at = strstr(content, before); at != NULL; at = strstr(at, before)) {
        char *end = NULL;
        at += strlen(before);
        sum += strtoul(at, &end, 10);
        end += strncmp(end, " lines", 6) == 0 ? 6 : 5;
        assert_memory_equal(end, after, strlen(after));
    }
    return sum;
}

/* The queue fills because somebody holds the lock that the writer needs. */
static void full_queue_loses_lines_counts_them_and_says_so(void **state)
{
    struct log_file *file = open_log(*state, (struct log_file_options){.threaded = true});
    int holder = open(log_file_path(file), O_RDONLY);
    assert_true(holder >= 0);
    assert_int_equal(flock(holder, LOCK_EX), 0);
    char text[1001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    unsigned written = 0;
    uint64_t begin = os_monotonic_ms();
    while (log_file_lost(file) < 100) {
        log_write(log_file_log(file), LOG_INFO, "TEST", "%s", text);
        written++;
        assert_true(written < 10000);
    }
    assert_true(os_monotonic_ms() - begin < PATIENCE_MS); /* nothing waited for the lock */
    assert_in_range(written * 1034, LOG_QUEUE_MAX_BYTES, 3 * LOG_QUEUE_MAX_BYTES);
    assert_int_equal(flock(holder, LOCK_UN), 0);
    log_file_close(file);
    (void)close(holder);

    char *content = read_file(path_in(*state, "KNL-SELF.log"));
    assert_int_equal(count_of(content, " TEST - xxx"), written - 100);
    /* The writer may have taken a first full queue before it met the lock: then it tells of two
     * gaps. */
    assert_in_range(count_of(content, " LOG - WARNING: "), 1, 2);
    assert_int_equal(reported_losses(content), 100);
    free(content);
}

/* ---- a disk that refuses ---- */

static void limit_file_size(rlim_t size)
{
    struct rlimit limit = {.rlim_cur = size, .rlim_max = RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void full_disk_loses_lines_and_goes_on_when_there_is_room(void **state)
{
    struct log_file *file = open_log(*state, (struct log_file_options){.shared = false});
    struct log *log = log_file_log(file);
    log_write(log, LOG_INFO, "TEST", "before");
    limit_file_size(50); /* "before" has 40 bytes */
    log_write(log, LOG_INFO, "TEST", "lost");
    log_write_with_tail(log, LOG_INFO, "TEST", "lost too", "lost");
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(log_file_lost(file), 3);
    log_write(log, LOG_INFO, "TEST", "after");
    log_file_close(file);
    HOLDS(*state, "KNL-SELF.log", "TEST - before\n",
          "LOG - WARNING: 3 lines were lost here: File too large\n", "TEST - after\n");
}

static void full_disk_does_not_stop_the_thread(void **state)
{
    struct temporary_directory *directory = *state;
    assert_int_equal(symlink("/dev/full", path_in(directory, "KNL-SELF.log")), 0);
    struct log_file *file =
        open_log(directory, (struct log_file_options){.threaded = true, .shared = true});
    uint64_t deadline = os_monotonic_ms() + PATIENCE_MS;
    uint64_t written = 0;
    while (log_file_lost(file) < 10 && os_monotonic_ms() < deadline) {
        log_write(log_file_log(file), LOG_INFO, "TEST", "no room for this");
        written++;
    }
    assert_in_range(log_file_lost(file), 10, written);
    log_file_close(file);
}

/* ---- stderr ---- */

static void log_to_stderr_too(const struct temporary_directory *directory, bool threaded)
{
    int real_stderr = dup(2);
    int captured = open(path_in(directory, "stderr"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(real_stderr >= 0 && captured >= 0);
    assert_int_equal(dup2(captured, 2), 2);
    struct log_file *file =
        open_log(directory, (struct log_file_options){.threaded = threaded, .also_stderr = true});
    log_write_with_tail(log_file_log(file), LOG_INFO, "CLIENT", "ConnectionSqlId = 1", "hello");
    log_file_close(file);
    assert_int_equal(dup2(real_stderr, 2), 2);
    (void)close(real_stderr);
    (void)close(captured);
}

static void stderr_gets_the_same_lines(void **state)
{
    struct temporary_directory *directory = *state;
    for (int threaded = 0; threaded < 2; threaded++) {
        log_to_stderr_too(directory, threaded == 1);
        char *in_file = read_file(path_in(directory, "KNL-SELF.log"));
        assert_file_is(path_in(directory, "stderr"), in_file);
        assert_non_null(strstr(in_file, " CLIENT - hello\nConnectionSqlId = 1\n"));
        free(in_file);
    }
}

#define with_directory(f) \
    cmocka_unit_test_setup_teardown(f, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_directory(line_is_in_the_file_when_log_write_returns),
        with_directory(directory_is_made_and_nobody_else_may_read),
        with_directory(log_that_cannot_be_opened_says_which_and_why),
        with_directory(name_cannot_lead_out_of_the_directory),
        with_directory(three_starts_keep_three_logs),
        with_directory(history_over_its_limit_is_moved_away),
        with_directory(previous_log_stays_when_there_is_no_last_one),
        with_directory(logs_that_cannot_be_kept_are_continued),
        with_directory(two_writers_of_one_exclusive_log_are_refused_before_anything_is_moved),
        with_directory(processes_that_share_a_log_do_not_mix_their_lines),
        with_directory(close_writes_what_waits),
        with_directory(thread_writes_without_being_closed),
        with_directory(full_queue_loses_lines_counts_them_and_says_so),
        with_directory(full_disk_loses_lines_and_goes_on_when_there_is_room),
        with_directory(full_disk_does_not_stop_the_thread),
        with_directory(stderr_gets_the_same_lines),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
