/* The store of definitions and user variables: what comes back after a restart, what is refused at
 * the start, and what a disk that says no does to it. */
#include "counting_log.h"
#include "temporary_directory.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/text.h"
#include "os/clock.h"
#include "store/plant_store.h"

#define WAIT_MAX_MS 60000u
#define LOADED_MAX  64u

static struct error err;

/* ---- what was loaded ---- */

struct loaded {
    char text[512]; /* "name hobj type kind description unit properties value" */
};

static struct loaded loaded[LOADED_MAX];
static unsigned loaded_count;
static const char *refused_name; /* the loader says no to it */

#define SLICE(s) (int)(s).size, (s).data

static d2k_result take_object(void *context, const struct stored_object *o, struct error *e)
{
    (void)context;
    if (refused_name != NULL && slice_equal_text(o->name, refused_name)) {
        return error_set(e, D2K_TYPE, "object %s is not wanted", refused_name);
    }
    if (loaded_count < LOADED_MAX) {
        snprintf(loaded[loaded_count].text, sizeof loaded[0].text,
                 "%.*s %u %u %u %.*s %.*s %.*s %.*s", SLICE(o->name), (unsigned)o->hobj, o->type,
                 o->kind, SLICE(o->description), SLICE(o->unit), SLICE(o->properties),
                 SLICE(o->value));
    }
    loaded_count++;
    return D2K_OK;
}

static atomic_uint wakes;

static void wake(void *context)
{
    (void)context;
    wakes++;
}

static int set_up(void **state)
{
    warnings = 0;
    infos = 0;
    wakes = 0;
    refused_name = NULL;
    return make_temporary_directory(state);
}

/* ---- short words ---- */

static const char *db_path(void **state)
{
    return path_in(*state, "plant.db");
}

static d2k_result try_open_in(const char *path, struct plant_store **ret_store)
{
    struct plant_store_options options = {
        .state_dir = path, .log = &counting_log, .take_object = take_object, .wake = wake};
    loaded_count = 0;
    return plant_store_open(&options, ret_store, &err);
}

static d2k_result try_open(void **state, struct plant_store **ret_store)
{
    return try_open_in(((const struct temporary_directory *)*state)->path, ret_store);
}

static struct plant_store *open_store(void **state)
{
    struct plant_store *store = NULL;
    err.text[0] = '\0';
    d2k_result result = try_open(state, &store);
    if (result != D2K_OK) {
        fail_msg("%s", err.text);
    }
    return store;
}

static struct stored_object object_of(const char *name, uint8_t type, const char *value)
{
    return (struct stored_object){.name = slice_of(name),
                                  .hobj = 17,
                                  .type = type,
                                  .kind = 1,
                                  .description = slice_of("what it is"),
                                  .unit = slice_of("bar"),
                                  .properties = slice_of("pp"),
                                  .value = slice_of(value)};
}

static void put(struct plant_store *store, const char *name, uint8_t type, const char *value)
{
    struct stored_object object = object_of(name, type, value);
    assert_int_equal(plant_store_put(store, &object, 1, &err), D2K_OK);
}

static void put_value(struct plant_store *store, const char *name, const char *value)
{
    assert_int_equal(plant_store_put_value(store, slice_of(name), slice_of(value), 2, &err),
                     D2K_OK);
}

static void delete_object(struct plant_store *store, const char *name)
{
    assert_int_equal(plant_store_delete(store, slice_of(name), 3, &err), D2K_OK);
}

static d2k_result outcome(struct plant_store *store, uint64_t *ret_ticket)
{
    uint64_t deadline = os_monotonic_ms() + WAIT_MAX_MS;
    const struct plant_store_outcome *told;
    while ((told = plant_store_take(store)) == NULL) {
        assert_true(os_monotonic_ms() < deadline);
        sched_yield();
    }
    *ret_ticket = told->ticket;
    return error_set(&err, told->result, "%s", told->sentence);
}

static void expect(struct plant_store *store, d2k_result expected)
{
    uint64_t ticket;
    d2k_result result = outcome(store, &ticket);
    if (result != expected) {
        fail_msg("%s instead of %s: %s", d2k_result_name(result), d2k_result_name(expected),
                 result == D2K_OK ? "" : err.text);
    }
}

static void assert_says(const char *sentence)
{
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, sentence);
    }
}

/* Closes, opens again, and compares with what was loaded. */
static struct plant_store *restart(void **state, struct plant_store *store, unsigned count, ...)
{
    va_list wanted;
    plant_store_close(store);
    store = open_store(state);
    assert_int_equal(loaded_count, count);
    va_start(wanted, count);
    for (unsigned i = 0; i < count; i++) {
        assert_string_equal(loaded[i].text, va_arg(wanted, const char *));
    }
    va_end(wanted);
    return store;
}

/* ---- what is kept ---- */

static void a_new_store_is_empty(void **state)
{
    struct plant_store *store = open_store(state);
    assert_int_equal(loaded_count, 0);
    assert_null(plant_store_take(store));
    plant_store_close(store);
    assert_int_equal(mode_of(db_path(state)) & 0007u, 0);
    assert_false(is_there(path_in(*state, "plant.db.new")));
    assert_false(is_there(path_in(*state, "plant.db-wal")));
    plant_store_close(restart(state, NULL, 0));
}

static void definitions_and_values_come_back(void **state)
{
    struct plant_store *store = open_store(state);
    put(store, "Pump.Speed", 3, "");
    put(store, "Valve", 1, "open");
    put_value(store, "PUMP.speed", "3 rpm");
    expect(store, D2K_OK);
    expect(store, D2K_OK);
    expect(store, D2K_OK);
    assert_true(wakes > 0);
    store = restart(state, store, 2, "Pump.Speed 17 3 1 what it is bar pp 3 rpm",
                    "Valve 17 1 1 what it is bar pp open");
    put_value(store, "Valve", "shut");
    store = restart(state, store, 2, "Pump.Speed 17 3 1 what it is bar pp 3 rpm",
                    "Valve 17 1 1 what it is bar pp shut");
    plant_store_close(store);
}

static void a_definition_again_keeps_the_value_of_its_type_only(void **state)
{
    struct plant_store *store = open_store(state);
    put(store, "A", 3, "value");
    put(store, "a", 3, "");
    store = restart(state, store, 1, "A 17 3 1 what it is bar pp value");
    put(store, "A", 6, "");
    store = restart(state, store, 1, "A 17 6 1 what it is bar pp ");
    put_value(store, "A", "text");
    struct stored_object computed = object_of("A", 6, "");
    computed.kind = 2;
    assert_int_equal(plant_store_put(store, &computed, 1, &err), D2K_OK);
    store = restart(state, store, 1, "A 17 6 2 what it is bar pp ");
    plant_store_close(store);
}

static void what_goes_last_is_shown_after_all_others(void **state)
{
    struct plant_store *store = open_store(state);
    struct stored_object again = object_of("a", 3, ""), new = object_of("C", 3, "");
    again.goes_last = new.goes_last = true;
    put(store, "A", 3, "value");
    put(store, "B", 3, "stays");
    assert_int_equal(plant_store_put(store, &again, 1, &err), D2K_OK);
    assert_int_equal(plant_store_put(store, &new, 1, &err), D2K_OK);
    store = restart(state, store, 3, "B 17 3 1 what it is bar pp stays",
                    "a 17 3 1 what it is bar pp ", "C 17 3 1 what it is bar pp ");
    assert_int_equal(plant_store_put(store, &again, 1, &err), D2K_OK);
    store = restart(state, store, 3, "B 17 3 1 what it is bar pp stays",
                    "C 17 3 1 what it is bar pp ", "a 17 3 1 what it is bar pp ");
    plant_store_close(store);
}

static void what_is_deleted_is_gone_with_its_value(void **state)
{
    struct plant_store *store = open_store(state);
    put(store, "A", 3, "old");
    put(store, "B", 3, "stays");
    delete_object(store, "a");
    put(store, "A", 3, "");
    store =
        restart(state, store, 2, "B 17 3 1 what it is bar pp stays", "A 17 3 1 what it is bar pp ");
    plant_store_close(store);
}

static void what_is_not_stored_cannot_be_changed_and_harms_nobody_beside_it(void **state)
{
    struct plant_store *store = open_store(state);
    put_value(store, "Nobody", "value");
    put(store, "A", 3, "value");
    delete_object(store, "Nobody");
    expect(store, D2K_NOT_FOUND);
    assert_says("object Nobody is not stored");
    expect(store, D2K_OK);
    expect(store, D2K_NOT_FOUND);
    assert_int_equal(warnings, 0);
    plant_store_close(restart(state, store, 1, "A 17 3 1 what it is bar pp value"));
}

static void outcomes_come_in_the_order_of_the_changes(void **state)
{
    struct plant_store *store = open_store(state);
    char name[16];
    for (uint64_t i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "o%u", (unsigned)i);
        struct stored_object object = object_of(name, 3, "v");
        assert_int_equal(plant_store_put(store, &object, i, &err), D2K_OK);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t ticket;
        assert_int_equal(outcome(store, &ticket), D2K_OK);
        assert_int_equal(ticket, i);
    }
    assert_int_equal(plant_store_waiting(store), 0);
    plant_store_close(store);
    store = open_store(state);
    assert_int_equal(loaded_count, 20000);
    plant_store_close(store);
}

static void an_outcome_tells_what_was_asked_for(void **state)
{
    struct plant_store *store = open_store(state);
    const struct plant_store_outcome *told;
    put(store, "Pump", 3, "value");
    expect(store, D2K_OK);
    put_value(store, "Pump", "other");
    while ((told = plant_store_take(store)) == NULL) {
        sched_yield();
    }
    assert_true(slice_equal_text(told->object.name, "Pump"));
    assert_true(slice_equal_text(told->object.value, "other"));
    assert_int_equal(told->object.properties.size, 0);
    assert_string_equal(told->sentence, "");
    plant_store_close(store);
}

static void what_waits_at_the_end_is_written(void **state)
{
    struct plant_store *store = open_store(state);
    for (unsigned i = 0; i < 1000; i++) {
        put(store, "A", 3, "value");
    }
    put_value(store, "A", "last");
    plant_store_close(restart(state, store, 1, "A 17 3 1 what it is bar pp last"));
}

static void a_value_may_be_large_and_hold_any_byte(void **state)
{
    struct plant_store *store = open_store(state);
    size_t size = 1024 * 1024;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 0, size);
    put(store, "A", 6, "x");
    assert_int_equal(
        plant_store_put_value(store, slice_of("A"), (struct slice){bytes, size}, 1, &err), D2K_OK);
    free(bytes);
    expect(store, D2K_OK);
    expect(store, D2K_OK);
    plant_store_close(store);
    store = open_store(state);
    assert_int_equal(loaded_count, 1);
    plant_store_close(store);
}

/* ---- limits ---- */

/* The changes that are through count until they are taken: nobody has to be quick. */
static void the_limit_of_waiting_changes_holds(void **state)
{
    struct plant_store *store = open_store(state);
    for (unsigned i = 0; i < PLANT_STORE_WAITING_MAX; i++) {
        put(store, "A", 3, "v");
    }
    struct stored_object object = object_of("A", 3, "v");
    assert_int_equal(plant_store_put(store, &object, 1, &err), D2K_AGAIN);
    assert_says("65536 wait for it already");
    expect(store, D2K_OK);
    put(store, "A", 3, "v");
    plant_store_close(store);
}

static void the_limit_of_waiting_bytes_holds(void **state)
{
    struct plant_store *store = open_store(state);
    char *bytes = calloc(1, PLANT_STORE_WAITING_BYTES_MAX);
    assert_non_null(bytes);
    struct slice whole = {bytes, PLANT_STORE_WAITING_BYTES_MAX};
    struct slice fits = {bytes, PLANT_STORE_WAITING_BYTES_MAX - 1};
    assert_int_equal(plant_store_put_value(store, slice_of("A"), whole, 1, &err), D2K_AGAIN);
    assert_int_equal(plant_store_put_value(store, slice_of("A"), fits, 1, &err), D2K_OK);
    expect(store, D2K_NOT_FOUND);
    free(bytes);
    plant_store_close(store);
}

/* ---- what is refused at the start ---- */

static void execute(void **state, const char *sql)
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execlp("sqlite3", "sqlite3", db_path(state), sql, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void make_one(void **state)
{
    struct plant_store *store = open_store(state);
    put(store, "A", 3, "value");
    plant_store_close(store);
}

static void refuses(void **state, const char *sentence)
{
    struct plant_store *store = NULL;
    assert_int_equal(try_open(state, &store), D2K_CONFIG);
    assert_says("plant.db: ");
    assert_says(sentence);
}

static void a_newer_database_is_refused(void **state)
{
    make_one(state);
    execute(state, "PRAGMA user_version = 2");
    refuses(state, "it was written by a newer version of d2k (layout 2, this one knows up to 1); "
                   "install that version again, or restore a backup");
    execute(state, "PRAGMA user_version = 1");
    plant_store_close(restart(state, NULL, 1, "A 17 3 1 what it is bar pp value"));
}

static void a_database_of_another_program_is_refused(void **state)
{
    execute(state, "CREATE TABLE t (x)");
    refuses(state, "it is no database of d2k");
}

static void a_database_without_version_is_refused(void **state)
{
    make_one(state);
    execute(state, "PRAGMA user_version = 0");
    refuses(state, "it is no database of d2k");
}

static void what_is_no_database_is_refused(void **state)
{
    write_file(db_path(state), "");
    refuses(state, "the database is damaged: the file is empty; restore a backup, or move it away");
    write_file(db_path(state), "this is some text, and not a database at all; it goes on and on, "
                               "until it is larger than the header of a database");
    refuses(state, "file is not a database");
}

static void overwrite(const char *path, long at, size_t count)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fputc(0xa5, file), 0xa5);
    }
    assert_int_equal(fclose(file), 0);
}

static void a_damaged_database_is_refused(void **state)
{
    make_one(state);
    overwrite(db_path(state), 4096, 4096);
    refuses(state, "the database is damaged: ");
}

static void a_database_that_was_cut_is_refused(void **state)
{
    make_one(state);
    assert_int_equal(truncate(db_path(state), 8192), 0);
    refuses(state, "the database is damaged: ");
}

static void a_database_with_a_table_missing_is_refused(void **state)
{
    make_one(state);
    execute(state, "DROP TABLE value");
    refuses(state, "the database is damaged: no such table: value");
}

static void a_number_out_of_range_is_refused(void **state)
{
    make_one(state);
    execute(state, "UPDATE object SET kind = 256");
    refuses(state, "a number of an object is out of its range");
}

static void a_journal_without_its_database_is_refused(void **state)
{
    struct plant_store *store = NULL;
    write_file(path_in(*state, "plant.db-wal"), "something");
    assert_int_equal(try_open(state, &store), D2K_CONFIG);
    assert_says("plant.db is missing, but ");
    assert_says("plant.db-wal is there and holds changes to it");
    assert_false(is_there(db_path(state)));
}

static void what_the_loader_refuses_ends_the_start(void **state)
{
    struct plant_store *store = NULL;
    make_one(state);
    refused_name = "A";
    assert_int_equal(try_open(state, &store), D2K_TYPE);
    assert_says("object A is not wanted");
}

static void a_directory_that_cannot_be_used_is_an_error(void **state)
{
    struct plant_store *store = NULL;
    assert_int_equal(try_open_in(path_in(*state, "nowhere"), &store), D2K_FILE);
    assert_says("nowhere/plant.db");
    write_file(path_in(*state, "file"), "");
    assert_int_equal(try_open_in(path_in(*state, "file"), &store), D2K_FILE);
}

static void a_start_that_was_broken_off_leaves_nothing_in_the_way(void **state)
{
    write_file(path_in(*state, "plant.db.new"), "half a database");
    make_one(state);
    assert_false(is_there(path_in(*state, "plant.db.new")));
    plant_store_close(restart(state, NULL, 1, "A 17 3 1 what it is bar pp value"));
}

/* ---- a disk that says no ---- */

/* Files of this process may not grow over `size`; RLIM_INFINITY: they may. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_refuses_changes_until_there_is_room(void **state)
{
    struct plant_store *store = open_store(state);
    put(store, "A", 3, "before");
    expect(store, D2K_OK);
    limit_files(1024);
    put_value(store, "A", "lost");
    expect(store, D2K_FILE);
    assert_says("plant.db: ");
    put(store, "B", 3, "lost too");
    expect(store, D2K_FILE);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(last_warning, "cannot be stored"));
    limit_files(RLIM_INFINITY);
    put(store, "C", 3, "after");
    expect(store, D2K_OK);
    assert_int_equal(infos, 1);
    plant_store_close(restart(state, store, 2, "A 17 3 1 what it is bar pp before",
                              "C 17 3 1 what it is bar pp after"));
}

static void a_disk_that_is_full_in_the_middle_of_many_changes_keeps_none_or_all(void **state)
{
    struct plant_store *store = open_store(state);
    char name[16];
    unsigned stored = 0;
    limit_files(400 * 1024);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "o%u", i);
        put(store, name, 3, "v");
    }
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t ticket;
        stored += outcome(store, &ticket) == D2K_OK;
    }
    limit_files(RLIM_INFINITY);
    assert_true(stored < 20000);
    plant_store_close(store);
    store = open_store(state);
    assert_int_equal(loaded_count, stored);
    plant_store_close(store);
}

static void a_full_disk_at_the_first_start_is_an_error(void **state)
{
    struct plant_store *store = NULL;
    limit_files(1024);
    d2k_result result = try_open(state, &store);
    limit_files(RLIM_INFINITY);
    assert_int_equal(result, D2K_FILE);
    assert_says("plant.db");
    plant_store_close(open_store(state));
}

static void a_database_that_somebody_locks_refuses_changes_until_it_is_free(void **state)
{
    struct plant_store *store = open_store(state);
    int ready[2], done[2];
    char byte = 0;
    put(store, "A", 3, "v");
    expect(store, D2K_OK);
    assert_int_equal(pipe(ready) | pipe(done), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        assert_true(dup2(done[0], 0) == 0 && dup2(ready[1], 1) == 1);
        (void)close(done[1]);
        execlp("sqlite3", "sqlite3", db_path(state), "-cmd", "BEGIN IMMEDIATE", "-cmd",
               ".print locked", (char *)NULL);
        _exit(127);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    put_value(store, "A", "w");
    expect(store, D2K_FILE);
    assert_says("database is locked");
    (void)close(done[0]);
    (void)close(done[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(ready[0]);
    put_value(store, "A", "x");
    expect(store, D2K_OK);
    plant_store_close(restart(state, store, 1, "A 17 3 1 what it is bar pp x"));
}

/* ---- a process that is killed ---- */

/* Writes values one after the other and tells each that is through; never returns. */
static void write_and_tell(const char *path, int told)
{
    struct plant_store *store = NULL;
    char value[32];
    if (try_open_in(path, &store) != D2K_OK) {
        _exit(1);
    }
    put(store, "A", 3, "");
    expect(store, D2K_OK);
    for (uint32_t i = 1;; i++) {
        snprintf(value, sizeof value, "%u", (unsigned)i);
        put_value(store, "A", value);
        expect(store, D2K_OK);
        if (write(told, &i, sizeof i) != (ssize_t)sizeof i) {
            _exit(1);
        }
    }
}

static void what_was_told_survives_a_kill(void **state)
{
    const struct temporary_directory *directory = *state;
    for (unsigned round = 0; round < 5; round++) {
        int told[2];
        uint32_t last = 0, number;
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(told[0]);
            write_and_tell(directory->path, told[1]);
        }
        (void)close(told[1]);
        while (last < 20 + 7 * round && read(told[0], &number, sizeof number) > 0) {
            last = number;
        }
        assert_true(last >= 20);
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(told[0], &number, sizeof number) == (ssize_t)sizeof number) {
            last = number;
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
        (void)close(told[0]);
        struct plant_store *store = open_store(state);
        assert_int_equal(loaded_count, 1);
        const char *value = strrchr(loaded[0].text, ' ') + 1;
        assert_in_range(strtoul(value, NULL, 10), last, last + 1);
        plant_store_close(store);
    }
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_new_store_is_empty),
        STORE_TEST(definitions_and_values_come_back),
        STORE_TEST(a_definition_again_keeps_the_value_of_its_type_only),
        STORE_TEST(what_goes_last_is_shown_after_all_others),
        STORE_TEST(what_is_deleted_is_gone_with_its_value),
        STORE_TEST(what_is_not_stored_cannot_be_changed_and_harms_nobody_beside_it),
        STORE_TEST(outcomes_come_in_the_order_of_the_changes),
        STORE_TEST(an_outcome_tells_what_was_asked_for),
        STORE_TEST(what_waits_at_the_end_is_written),
        STORE_TEST(a_value_may_be_large_and_hold_any_byte),
        STORE_TEST(the_limit_of_waiting_changes_holds),
        STORE_TEST(the_limit_of_waiting_bytes_holds),
        STORE_TEST(a_newer_database_is_refused),
        STORE_TEST(a_database_of_another_program_is_refused),
        STORE_TEST(a_database_without_version_is_refused),
        STORE_TEST(what_is_no_database_is_refused),
        STORE_TEST(a_damaged_database_is_refused),
        STORE_TEST(a_database_that_was_cut_is_refused),
        STORE_TEST(a_database_with_a_table_missing_is_refused),
        STORE_TEST(a_number_out_of_range_is_refused),
        STORE_TEST(a_journal_without_its_database_is_refused),
        STORE_TEST(what_the_loader_refuses_ends_the_start),
        STORE_TEST(a_directory_that_cannot_be_used_is_an_error),
        STORE_TEST(a_start_that_was_broken_off_leaves_nothing_in_the_way),
        STORE_TEST(a_full_disk_refuses_changes_until_there_is_room),
        STORE_TEST(a_disk_that_is_full_in_the_middle_of_many_changes_keeps_none_or_all),
        STORE_TEST(a_full_disk_at_the_first_start_is_an_error),
        STORE_TEST(a_database_that_somebody_locks_refuses_changes_until_it_is_free),
        STORE_TEST(what_was_told_survives_a_kill),
    };
    (void)signal(SIGXFSZ, SIG_IGN); /* a write over the limit shall fail instead */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
