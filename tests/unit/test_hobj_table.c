/* The stored numbers of objects: what is read back, what is refused, crashes and full disks. */
#include "counting_log.h"
#include "temporary_directory.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "os/clock.h"
#include "store/hobj_table.h"

#define WAIT_MAX_MS 20000u

static struct error err;

static int set_up(void **state)
{
    warnings = 0;
    infos = 0;
    return make_temporary_directory(state);
}

/* ---- short words ---- */

static const char *table_path(void **state)
{
    return path_in(*state, "hobj.tab");
}

static d2k_result try_open(void **state, struct hobj_table **ret_table)
{
    const struct temporary_directory *directory = *state;
    return hobj_table_open(directory->path, &counting_log, ret_table, &err);
}

static struct hobj_table *open_table(void **state)
{
    struct hobj_table *table = NULL;
    assert_int_equal(try_open(state, &table), D2K_OK);
    return table;
}

static void add(struct hobj_table *table, const char *name, uint32_t hobj)
{
    hobj_table_add(table, slice_of(name), hobj);
}

static uint32_t find(const struct hobj_table *table, const char *name)
{
    return hobj_table_find(table, slice_of(name));
}

static void wait_until(atomic_uint *counter, unsigned wanted)
{
    uint64_t deadline = os_monotonic_ms() + WAIT_MAX_MS;
    while (*counter < wanted && os_monotonic_ms() < deadline) {
        sched_yield();
    }
    assert_int_equal(*counter, wanted);
}

/* ---- reading and writing ---- */

static void a_new_table_is_empty(void **state)
{
    struct hobj_table *table = open_table(state);
    assert_int_equal(hobj_table_highest(table), 0);
    assert_int_equal(find(table, "a"), 0);
    hobj_table_close(table);
    assert_file_is(table_path(state), "");
    assert_int_equal(mode_of(table_path(state)) & 0007u, 0);
}

static void numbers_are_the_same_after_a_restart(void **state)
{
    struct hobj_table *table = open_table(state);
    add(table, "Kom.Load", 1);
    add(table, "PC-1.HIP", 7);
    add(table, "b", 3);
    assert_int_equal(find(table, "KOM.load"), 1);
    hobj_table_close(table);
    assert_file_is(table_path(state), "1 Kom.Load\n7 PC-1.HIP\n3 b\n");
    table = open_table(state);
    assert_int_equal(find(table, "kom.LOAD"), 1);
    assert_int_equal(find(table, "PC-1.HIP"), 7);
    assert_int_equal(find(table, "b"), 3);
    assert_int_equal(find(table, "c"), 0);
    assert_int_equal(hobj_table_highest(table), 7);
    add(table, "c", 8);
    hobj_table_close(table);
    assert_file_is(table_path(state), "1 Kom.Load\n7 PC-1.HIP\n3 b\n8 c\n");
    assert_int_equal(warnings, 0);
}

static void many_names_are_all_written_in_order(void **state)
{
    char name[32];
    struct hobj_table *table = open_table(state);
    for (uint32_t i = 1; i <= 20000; i++) {
        snprintf(name, sizeof name, "object_number_%u", (unsigned)i);
        add(table, name, i);
    }
    hobj_table_close(table);
    table = open_table(state);
    for (uint32_t i = 1; i <= 20000; i++) {
        snprintf(name, sizeof name, "object_number_%u", (unsigned)i);
        assert_int_equal(find(table, name), i);
    }
    assert_int_equal(hobj_table_highest(table), 20000);
    hobj_table_close(table);
}

static void a_name_keeps_its_first_number(void **state)
{
    struct hobj_table *table = open_table(state);
    add(table, "a", 1);
    add(table, "A", 2);
    assert_int_equal(find(table, "a"), 1);
    hobj_table_close(table);
    assert_file_is(table_path(state), "1 a\n");
}

static void what_could_not_be_read_back_is_not_written(void **state)
{
    struct hobj_table *table = open_table(state);
    add(table, "", 1);
    add(table, "a\n5 b", 1);
    add(table, "a b", 1);
    add(table, "a", 0);
    add(table, "b", HOBJ_NUMBER_MAX + 1u);
    add(table, "last", HOBJ_NUMBER_MAX);
    hobj_table_close(table);
    assert_file_is(table_path(state), "4294967294 last\n");
    hobj_table_close(open_table(state));
}

static void the_directory_is_made(void **state)
{
    char path[TEST_PATH_MAX];
    struct hobj_table *table = NULL;
    snprintf(path, sizeof path, "%s", path_in(*state, "state/plant"));
    assert_int_equal(hobj_table_open(path, NULL, &table, &err), D2K_OK);
    hobj_table_close(table);
    assert_true(is_there(path_in(*state, "state/plant/hobj.tab")));
}

static void a_table_can_do_without_log(void **state)
{
    const struct temporary_directory *directory = *state;
    struct hobj_table *table = NULL;
    write_file(table_path(state), "1 a\n2 to");
    assert_int_equal(hobj_table_open(directory->path, NULL, &table, &err), D2K_OK);
    hobj_table_close(table);
    hobj_table_close(NULL);
}

/* ---- damage ---- */

static void a_torn_last_line_is_dropped_and_removed(void **state)
{
    static const char *const torn[] = {"1 a\n2 b\n3", "1 a\n2 b\n3 ", "1 a\n2 b\n3 half",
                                       "1 a\n2 b\n\xff\xff"};
    for (unsigned i = 0; i < sizeof torn / sizeof torn[0]; i++) {
        write_file(table_path(state), torn[i]);
        struct hobj_table *table = open_table(state);
        assert_int_equal(warnings, i + 1);
        assert_non_null(strstr(last_warning, "hobj.tab: line 3 is incomplete"));
        assert_file_is(table_path(state), "1 a\n2 b\n");
        assert_int_equal(find(table, "half"), 0);
        add(table, "c", 3);
        hobj_table_close(table);
        assert_file_is(table_path(state), "1 a\n2 b\n3 c\n");
    }
}

static void refuses(void **state, const char *text, const char *sentence)
{
    struct hobj_table *table = NULL;
    write_file(table_path(state), text);
    assert_int_equal(try_open(state, &table), D2K_CONFIG);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
    }
    assert_file_is(table_path(state), text);
}

static void any_other_broken_line_is_an_error_with_its_place(void **state)
{
    refuses(state, "1 a\n\n3 c\n", "hobj.tab:2: ");
    refuses(state, "1 a\nx b\n", "hobj.tab:2: ");
    refuses(state, "a\n", "hobj.tab:1: ");
    refuses(state, "1\n", "hobj.tab:1: ");
    refuses(state, "1 \n", "hobj.tab:1: ");
    refuses(state, " a\n", "hobj.tab:1: ");
    refuses(state, "0 a\n", "hobj.tab:1: ");
    refuses(state, "-1 a\n", "hobj.tab:1: ");
    refuses(state, "4294967295 a\n", "hobj.tab:1: ");
    refuses(state, "18446744073709551617 a\n", "hobj.tab:1: ");
    refuses(state, "1 a b\n", "hobj.tab:1: ");
    refuses(state, "1 a\r\n", "hobj.tab:1: ");
    refuses(state, "1 a\n2 a\033[2J\n", "hobj.tab:2: ");
    assert_null(strchr(err.text, '\033'));
}

static void a_name_or_number_that_stands_twice_is_an_error(void **state)
{
    refuses(state, "1 a\n2 b\n3 A\n", "hobj.tab:3: A stands there twice");
    refuses(state, "1 a\n2 b\n4 d\n2 c\n", "hobj.tab:4: number 2 stands already in line 2");
}

static void a_file_that_cannot_be_used_is_an_error(void **state)
{
    struct hobj_table *table = NULL;
    assert_int_equal(mkdir(table_path(state), 0700), 0);
    assert_int_equal(try_open(state, &table), D2K_FILE);
    assert_non_null(strstr(err.text, "hobj.tab"));
    assert_int_equal(rmdir(table_path(state)), 0);
    hobj_table_close(open_table(state));
}

static void a_directory_that_cannot_be_made_is_an_error(void **state)
{
    struct hobj_table *table = NULL;
    write_file(path_in(*state, "file"), "");
    assert_int_equal(hobj_table_open(path_in(*state, "file/state"), NULL, &table, &err), D2K_FILE);
    assert_non_null(strstr(err.text, "file/state"));
}

static void a_second_kernel_is_kept_away_until_the_first_ends(void **state)
{
    struct hobj_table *second = NULL;
    struct hobj_table *first = open_table(state);
    assert_int_equal(try_open(state, &second), D2K_FILE);
    assert_non_null(strstr(err.text, "hobj.lock"));
    assert_non_null(strstr(err.text, "runs on this machine already"));
    hobj_table_close(first);
    hobj_table_close(open_table(state));
}

/* ---- a full disk ---- */

/* Files of this process may not grow over `size`; RLIM_INFINITY: they may. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_told_once_and_made_up_for_with_the_next_name(void **state)
{
    struct hobj_table *table = open_table(state);
    add(table, "a", 1);
    hobj_table_close(table);
    table = open_table(state);
    limit_files(7); /* in the middle of the second line */
    add(table, "bcdef", 2);
    wait_until(&warnings, 1);
    assert_int_equal(find(table, "bcdef"), 2);
    add(table, "c", 3);
    add(table, "d", 4);
    limit_files(RLIM_INFINITY);
    add(table, "e", 5);
    wait_until(&infos, 1);
    assert_int_equal(warnings, 1);
    hobj_table_close(table);
    assert_file_is(table_path(state), "1 a\n2 bcdef\n3 c\n4 d\n5 e\n");
}

static void a_disk_that_has_room_again_gets_everything_at_the_end(void **state)
{
    struct hobj_table *table = open_table(state);
    limit_files(2);
    add(table, "abc", 1);
    wait_until(&warnings, 1);
    limit_files(RLIM_INFINITY);
    hobj_table_close(table);
    assert_file_is(table_path(state), "1 abc\n");
}

/* ---- limits ---- */

static void write_many(void **state, uint32_t count)
{
    FILE *file = fopen(table_path(state), "w");
    assert_non_null(file);
    for (uint32_t i = 1; i <= count; i++) {
        fprintf(file, "%u o%u\n", (unsigned)i, (unsigned)i);
    }
    assert_int_equal(fclose(file), 0);
}

static void the_limit_of_names_holds(void **state)
{
    write_many(state, HOBJ_TABLE_NAMES_MAX);
    struct hobj_table *table = open_table(state);
    add(table, "one_more", HOBJ_TABLE_NAMES_MAX + 1);
    add(table, "two_more", HOBJ_TABLE_NAMES_MAX + 2);
    assert_int_equal(find(table, "one_more"), 0);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(last_warning, "one_more"));
    hobj_table_close(table);
    write_many(state, HOBJ_TABLE_NAMES_MAX + 1);
    assert_int_equal(try_open(state, &table), D2K_LIMIT);
    assert_non_null(strstr(err.text, "hobj.tab:2000001: "));
}

static void the_longest_name_is_kept(void **state)
{
    char name[HOBJ_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[HOBJ_NAME_MAX + 1] = '\0';
    struct hobj_table *table = open_table(state);
    add(table, name, 1);
    assert_int_equal(find(table, name), 0);
    add(table, name + 1, HOBJ_NUMBER_MAX);
    hobj_table_close(table);
    table = open_table(state);
    assert_int_equal(find(table, name + 1), HOBJ_NUMBER_MAX);
    hobj_table_close(table);
}

#define TABLE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TABLE_TEST(a_new_table_is_empty),
        TABLE_TEST(numbers_are_the_same_after_a_restart),
        TABLE_TEST(many_names_are_all_written_in_order),
        TABLE_TEST(a_name_keeps_its_first_number),
        TABLE_TEST(what_could_not_be_read_back_is_not_written),
        TABLE_TEST(the_directory_is_made),
        TABLE_TEST(a_table_can_do_without_log),
        TABLE_TEST(a_torn_last_line_is_dropped_and_removed),
        TABLE_TEST(any_other_broken_line_is_an_error_with_its_place),
        TABLE_TEST(a_name_or_number_that_stands_twice_is_an_error),
        TABLE_TEST(a_file_that_cannot_be_used_is_an_error),
        TABLE_TEST(a_directory_that_cannot_be_made_is_an_error),
        TABLE_TEST(a_second_kernel_is_kept_away_until_the_first_ends),
        TABLE_TEST(a_full_disk_is_told_once_and_made_up_for_with_the_next_name),
        TABLE_TEST(a_disk_that_has_room_again_gets_everything_at_the_end),
        TABLE_TEST(the_limit_of_names_holds),
        TABLE_TEST(the_longest_name_is_kept),
    };
    (void)signal(SIGXFSZ, SIG_IGN); /* a write over the limit shall fail instead */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
