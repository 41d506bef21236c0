/* Processes: registration, end, the memory of ended ones, numbered names. */
#include <stdio.h>

#include "plant_fixture.h"

static d2k_result try_start(const char *name, struct process **ret_process)
{
    struct process facts = {.since_ns = NOW, .os_process_id = 7, .link = {1, 2, 3}};
    facts.name = name;
    memset(facts.resume_token, 0xaa, sizeof facts.resume_token);
    return plant_process_start(plant, &facts, ret_process, &err);
}

static struct process *start(const char *name)
{
    struct process *process = NULL;
    assert_int_equal(try_start(name, &process), D2K_OK);
    return process;
}

static void a_started_process_is_found_under_its_name(void **state)
{
    (void)state;
    struct process *process = start("DispPC.HIP");
    assert_ptr_equal(plant_process(plant, slice_of("disppc.hip")), process);
    assert_int_equal(process->state, PROCESS_RUNNING);
    assert_int_equal(process->os_process_id, 7);
    assert_int_equal(process->link.generation, 3);
    assert_int_not_equal(process->id, 0);
    assert_int_equal(plant_running_count(plant), 1);
    assert_null(plant_process(plant, slice_of("Other.HIP")));
}

static void processes_and_objects_share_their_numbers(void **state)
{
    (void)state;
    struct process *process = start("A.HIP");
    struct object *object = define("a");
    struct process *other = start("B.HIP");
    assert_int_not_equal(process->id, object->hobj);
    assert_int_not_equal(other->id, object->hobj);
    assert_int_not_equal(process->id, other->id);
    assert_int_equal(define("A.HIP")->hobj, process->id);
}

static void a_second_one_under_a_running_name_is_refused(void **state)
{
    (void)state;
    struct process *process = NULL;
    start("A.HIP");
    assert_int_equal(try_start("a.hip", &process), D2K_STATE);
    assert_int_equal(plant_running_count(plant), 1);
}

static void a_bad_process_name_is_refused(void **state)
{
    (void)state;
    struct process *process = NULL;
    assert_int_equal(try_start("", &process), D2K_ARGUMENT);
    assert_int_equal(try_start("no_suffix", &process), D2K_ARGUMENT);
    assert_int_equal(try_start("a b.HIP", &process), D2K_ARGUMENT);
    assert_null(plant_process_at(plant, 0));
}

static void the_end_is_remembered_without_link_and_token(void **state)
{
    (void)state;
    static const uint8_t no_token[32];
    struct process *process = start("A.HIP");
    plant_process_end(plant, process, PROCESS_WDERR, NOW + 9);
    assert_int_equal(process->state, PROCESS_WDERR);
    assert_int_equal(process->since_ns, NOW + 9);
    assert_int_equal(process->link.generation, 0);
    assert_memory_equal(process->resume_token, no_token, sizeof no_token);
    assert_int_equal(plant_running_count(plant), 0);
    assert_ptr_equal(plant_process_at(plant, 0), process);
    plant_process_end(plant, process, PROCESS_STOP, NOW + 10);
    assert_int_equal(process->state, PROCESS_WDERR);
    assert_int_equal(process->since_ns, NOW + 9);
}

static void an_end_that_is_none_counts_as_a_crash(void **state)
{
    (void)state;
    struct process *process = start("A.HIP");
    plant_process_end(plant, process, PROCESS_RUNNING, NOW);
    assert_int_equal(process->state, PROCESS_CRASH);
    assert_int_equal(plant_running_count(plant), 0);
}

static void a_process_that_returns_keeps_its_id_and_is_listed_once(void **state)
{
    (void)state;
    struct process *process = start("A.HIP");
    uint32_t id = process->id;
    plant_process_end(plant, process, PROCESS_CRASH, NOW);
    assert_ptr_equal(start("a.hip"), process);
    assert_int_equal(process->id, id);
    assert_int_equal(process->state, PROCESS_RUNNING);
    assert_string_equal(process->name, "A.HIP");
    assert_int_equal(process->link.generation, 3);
    assert_int_equal(plant_running_count(plant), 1);
    assert_null(plant_process_at(plant, 1));
}

static void its_texts_are_those_of_its_last_start(void **state)
{
    (void)state;
    char version[] = "V1", address[] = "127.0.0.1:1";
    struct process facts = {
        .since_ns = NOW, .name = "A.HIP", .version = version, .address = address};
    struct process *process = NULL;
    assert_int_equal(plant_process_start(plant, &facts, &process, &err), D2K_OK);
    version[0] = address[0] = 'x';
    assert_string_equal(process->version, "V1");
    assert_string_equal(process->address, "127.0.0.1:1");
    assert_string_equal(process->computer, "");
    assert_string_equal(process->tls_version, "");
    plant_process_end(plant, process, PROCESS_STOP, NOW);
    assert_string_equal(process->version, "V1");
    facts.version = "V2.00.000";
    facts.computer = "pc";
    assert_int_equal(plant_process_start(plant, &facts, &process, &err), D2K_OK);
    assert_string_equal(process->version, "V2.00.000");
    assert_string_equal(process->computer, "pc");
}

static void who_is_logged_on_is_forgotten_with_the_end(void **state)
{
    (void)state;
    struct process *process = start("A.HIP");
    assert_string_equal(process->user, "");
    assert_true(plant_process_set_user(process, "jana"));
    assert_true(plant_process_set_user(process, "eva"));
    assert_string_equal(process->user, "eva");
    plant_process_end(plant, process, PROCESS_STOP, NOW);
    assert_string_equal(process->user, "");
    assert_true(plant_process_set_user(start("A.HIP"), "jana"));
    assert_true(plant_process_set_user(process, ""));
    assert_string_equal(process->user, "");
}

static void the_objects_of_an_ended_process_are_invalid_until_it_publishes(void **state)
{
    (void)state;
    struct process *process = start("PC.KOM");
    struct object *object = define("a");
    set(object, 1);
    plant_process_end(plant, process, PROCESS_CRASH, NOW);
    assert_int_equal(object->value.status, 0);
    start("PC.KOM");
    assert_int_equal(object->value.status, 0);
    set(object, 2);
    assert_int_equal(object->value.status, D2K_STATUS_VALID);
}

static void end_many(unsigned from, unsigned count)
{
    char name[32];
    for (unsigned i = from; i < from + count; i++) {
        snprintf(name, sizeof name, "P%u.API", i);
        plant_process_end(plant, start(name), PROCESS_STOP, NOW);
    }
}

static void ended_processes_are_forgotten_oldest_first(void **state)
{
    (void)state;
    struct process *running = start("Running.HIP");
    end_many(0, PLANT_ENDED_PROCESSES_MAX);
    assert_non_null(plant_process(plant, slice_of("P0.API")));
    end_many(PLANT_ENDED_PROCESSES_MAX, 1);
    assert_null(plant_process(plant, slice_of("P0.API")));
    assert_non_null(plant_process(plant, slice_of("P1.API")));
    assert_ptr_equal(plant_process_at(plant, 0), running);
    assert_string_equal(plant_process_at(plant, 1)->name, "P1.API");
    assert_non_null(plant_process_at(plant, PLANT_ENDED_PROCESSES_MAX));
    assert_null(plant_process_at(plant, PLANT_ENDED_PROCESSES_MAX + 1));
    assert_int_equal(plant_running_count(plant), 1);
}

static void a_running_process_is_never_forgotten(void **state)
{
    (void)state;
    end_many(0, 1);
    struct process *returned = start("P0.API");
    end_many(1, PLANT_ENDED_PROCESSES_MAX + 5);
    assert_ptr_equal(plant_process(plant, slice_of("P0.API")), returned);
    assert_null(plant_process(plant, slice_of("P5.API")));
    assert_non_null(plant_process(plant, slice_of("P6.API")));
}

/* ---- stored ids ---- */

static uint32_t id_in_store;
static unsigned store_calls;

static uint32_t stored_hobj(void *context, struct slice name)
{
    (void)context;
    return slice_equal_text(name, "A.HIP") ? id_in_store : 0;
}

static void store_hobj(void *context, struct slice name, uint32_t hobj)
{
    (void)context;
    store_calls++;
    if (slice_equal_text(name, "A.HIP")) {
        id_in_store = hobj;
    }
}

static int set_up_stored(void **state)
{
    (void)state;
    const struct plant_hooks hooks = {
        .encode = encode, .wake = wake, .stored_hobj = stored_hobj, .store_hobj = store_hobj};
    id_in_store = 0;
    store_calls = 0;
    plant = plant_new(&hooks, fixed_seed, 50);
    return plant == NULL;
}

static void a_forgotten_process_has_its_id_from_the_store(void **state)
{
    (void)state;
    struct process *process = start("A.HIP");
    uint32_t id = process->id;
    assert_int_equal(id_in_store, id);
    plant_process_end(plant, process, PROCESS_STOP, NOW);
    end_many(0, PLANT_ENDED_PROCESSES_MAX);
    assert_null(plant_process(plant, slice_of("A.HIP")));
    unsigned before = store_calls;
    assert_int_equal(start("A.HIP")->id, id);
    assert_int_equal(store_calls, before);
}

/* ---- numbered names ---- */

static void expect_number(const char *asked, const char *given)
{
    char name[65];
    assert_int_equal(plant_process_number(plant, slice_of(asked), name, &err), D2K_OK);
    assert_string_equal(name, given);
}

static void the_smallest_number_that_does_not_run_is_given(void **state)
{
    (void)state;
    expect_number("PC1.TEL", "PC1_01.TEL");
    struct process *first = start("PC1_01.TEL");
    start("pc1_02.tel");
    expect_number("PC1.TEL", "PC1_03.TEL");
    expect_number("PC1.HIP", "PC1_01.HIP");
    plant_process_end(plant, first, PROCESS_STOP, NOW);
    expect_number("PC1.TEL", "PC1_01.TEL");
}

static void numbers_grow_over_two_digits(void **state)
{
    (void)state;
    char name[65];
    for (unsigned i = 1; i <= 99; i++) {
        snprintf(name, sizeof name, "PC_%02u.TEL", i);
        start(name);
    }
    expect_number("PC.TEL", "PC_100.TEL");
}

static void names_that_cannot_be_numbered_are_refused(void **state)
{
    (void)state;
    char asked[65], name[65];
    memset(asked, 'c', 58);
    memcpy(asked + 58, ".TEL", 5);
    assert_int_equal(plant_process_number(plant, slice_of(""), name, &err), D2K_ARGUMENT);
    assert_int_equal(plant_process_number(plant, slice_of("PC"), name, &err), D2K_ARGUMENT);
    assert_int_equal(plant_process_number(plant, slice_of(asked), name, &err), D2K_ARGUMENT);
    assert_int_equal(plant_process_number(plant, slice_of(asked + 1), name, &err), D2K_OK);
    assert_int_equal(strlen(name), 64);
}

static void the_limit_of_numbers_holds(void **state)
{
    (void)state;
    char name[65];
    for (unsigned i = 1; i <= PLANT_PROCESS_NUMBER_MAX; i++) {
        snprintf(name, sizeof name, "PC_%02u.TEL", i);
        start(name);
    }
    assert_int_equal(plant_process_number(plant, slice_of("PC.TEL"), name, &err), D2K_LIMIT);
    plant_process_end(plant, plant_process(plant, slice_of("PC_99999.TEL")), PROCESS_STOP, NOW);
    expect_number("PC.TEL", "PC_99999.TEL");
}

#define PROCESS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROCESS_TEST(a_started_process_is_found_under_its_name),
        PROCESS_TEST(processes_and_objects_share_their_numbers),
        PROCESS_TEST(a_second_one_under_a_running_name_is_refused),
        PROCESS_TEST(a_bad_process_name_is_refused),
        PROCESS_TEST(the_end_is_remembered_without_link_and_token),
        PROCESS_TEST(an_end_that_is_none_counts_as_a_crash),
        PROCESS_TEST(a_process_that_returns_keeps_its_id_and_is_listed_once),
        PROCESS_TEST(its_texts_are_those_of_its_last_start),
        PROCESS_TEST(who_is_logged_on_is_forgotten_with_the_end),
        PROCESS_TEST(the_objects_of_an_ended_process_are_invalid_until_it_publishes),
        PROCESS_TEST(ended_processes_are_forgotten_oldest_first),
        PROCESS_TEST(a_running_process_is_never_forgotten),
        cmocka_unit_test_setup_teardown(a_forgotten_process_has_its_id_from_the_store,
                                        set_up_stored, tear_down),
        PROCESS_TEST(the_smallest_number_that_does_not_run_is_given),
        PROCESS_TEST(numbers_grow_over_two_digits),
        PROCESS_TEST(names_that_cannot_be_numbered_are_refused),
        PROCESS_TEST(the_limit_of_numbers_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
