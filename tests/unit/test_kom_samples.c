/* tests/unit/test_kom_samples.c: measurements whose names depend on the machine, from directories
 * that look like /proc and /sys. */
#include "temporary_directory.h"

#include "base/text.h"
#include "os/disk.h"
#include "programs/kom/measurement.h"
#include "programs/kom/sample.h"

#define KEPT_MAX 200u

struct kept {
    struct {
        char name[SAMPLE_NAME_MAX + 1];
        d2k_value value;
    } all[KEPT_MAX];
    size_t count;
};

static void keep(void *context, const struct sample *sample)
{
    struct kept *kept = context;
    assert_true(kept->count < KEPT_MAX);
    assert_int_equal(sample->type, sample->value.type);
    assert_true(text_is_object_name(slice_of(sample->name)));
    (void)snprintf(kept->all[kept->count].name, sizeof kept->all[0].name, "%s", sample->name);
    kept->all[kept->count++].value = sample->value;
}

static const d2k_value *find(const struct kept *kept, const char *name)
{
    for (size_t i = 0; i < kept->count; i++) {
        if (strcmp(kept->all[i].name, name) == 0) {
            return &kept->all[i].value;
        }
    }
    return NULL;
}

static void assert_real(const struct kept *kept, const char *name, double expected)
{
    const d2k_value *value = find(kept, name);
    assert_non_null(value);
    assert_int_equal(value->status, D2K_STATUS_VALID);
    assert_true(value->content.real > expected - 0.001 && value->content.real < expected + 0.001);
}

static void assert_invalid(const struct kept *kept, const char *name)
{
    const d2k_value *value = find(kept, name);
    assert_non_null(value);
    assert_int_equal(value->status & D2K_STATUS_VALID, 0);
}

static void write_below(void **state, const char *path, const char *text)
{
    struct temporary_directory *directory = *state;
    char parent[TEST_PATH_MAX];
    (void)snprintf(parent, sizeof parent, "%s/%s", directory->path, path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(os_directory_make(parent, 0700), 0);
    write_file(path_in(directory, path), text);
}

#define STAT_A "cpu  10 0 0 90 0 0 0 0\ncpu0 5 0 0 45 0 0 0 0\ncpu2 5 0 0 45 0 0 0 0\nintr 1\n"
#define STAT_B "cpu  40 0 0 160 0 0 0 0\ncpu0 30 0 0 70 0 0 0 0\ncpu2 10 0 0 90 0 0 0 0\nintr 1\n"

static void each_core_has_its_load(void **state)
{
    static struct proc_readings before, now;
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    (void)state;
    assert_true(proc_parse_stat(STAT_A, &before));
    assert_true(proc_parse_stat(STAT_B, &now));
    assert_int_equal(now.core_count, 2);
    before.readable[PROC_STAT] = now.readable[PROC_STAT] = true;
    sample_cores(&now, &before, &sink);
    assert_int_equal(kept.count, 2);
    assert_real(&kept, "Core0_Load", 50.0);
    assert_real(&kept, "Core2_Load", 10.0);
}

static void a_core_without_an_earlier_look_is_not_valid(void **state)
{
    static struct proc_readings before, now;
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    (void)state;
    assert_true(proc_parse_stat(STAT_A, &now));
    now.readable[PROC_STAT] = true;
    sample_cores(&now, &before, &sink);
    assert_invalid(&kept, "Core0_Load");
    now.readable[PROC_STAT] = false;
    kept.count = 0;
    sample_cores(&now, &before, &sink);
    assert_int_equal(kept.count, 0);
}

static void tasks_and_switches_come_from_stat(void **state)
{
    static struct proc_readings before, now;
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    (void)state;
    assert_true(proc_parse_stat(STAT_A "ctxt 1000\nprocs_running 3\nprocs_blocked 2\n", &before));
    assert_true(proc_parse_stat(STAT_B "ctxt 1500\nprocs_running 4\nprocs_blocked 1\n", &now));
    now.readable[PROC_STAT] = true;
    before.stat_ms = 1000;
    now.stat_ms = 3000;
    sample_processes(&now, &before, &sink);
    assert_int_equal(find(&kept, "Tasks_Running")->content.integer, 4);
    assert_int_equal(find(&kept, "Tasks_Blocked")->content.integer, 1);
    assert_real(&kept, "Switches", 250.0);
    now.has_tasks = false;
    kept.count = 0;
    sample_processes(&now, &before, &sink);
    assert_int_equal(kept.count, 3);
    assert_invalid(&kept, "Tasks_Running");
    assert_invalid(&kept, "Switches");
}

static void file_systems_of_this_machine_count_once(void **state)
{
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    struct temporary_directory *directory = *state;
    struct error err;
    write_below(state, "self/mounts",
                "proc /proc proc rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n"
                "/dev/sda1 / ext4 rw 0 0\n/dev/loop0 /snap squashfs ro 0 0\n"
                "server:/export /net/nfs nfs4 rw 0 0\n/dev/sdb1 /no/such\\040disk xfs rw 0 0\n"
                "tmpfs /run tmpfs rw 0 0\ntorn");
    assert_int_equal(sample_disks(directory->path, &sink, &err), D2K_OK);
    assert_int_equal(kept.count, 4);
    assert_int_equal(find(&kept, "Disk_Root_Used")->status, D2K_STATUS_VALID);
    assert_true(find(&kept, "Disk_Root_Free")->content.integer >= 0);
    assert_invalid(&kept, "Disk_no_such_disk_Used");
    assert_invalid(&kept, "Disk_no_such_disk_Free");
}

static void network_gives_rates_from_the_second_look_on(void **state)
{
    static struct network network;
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    struct temporary_directory *directory = *state;
    struct error err;
    network = (struct network){.count = 0};
    write_below(state, "net/dev",
                "Inter-| Receive\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n"
                "  eth0: 1000 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n");
    assert_int_equal(sample_network(directory->path, &network, 1000, &sink, &err), D2K_OK);
    assert_int_equal(kept.count, 2);
    assert_invalid(&kept, "Net_eth0_Rx");
    write_below(state, "net/dev",
                "  eth0: 3000 1 0 0 0 0 0 0 400 1 0 0 0 0 0 0\n"
                "br-1.5: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
    kept.count = 0;
    assert_int_equal(sample_network(directory->path, &network, 3000, &sink, &err), D2K_OK);
    assert_real(&kept, "Net_eth0_Rx", 1000.0);
    assert_invalid(&kept, "Net_eth0_Tx"); /* it ran backwards */
    assert_invalid(&kept, "Net_br_1_5_Rx");
}

static void zones_and_sensors_give_degrees(void **state)
{
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    struct temporary_directory *directory = *state;
    struct error err;
    write_below(state, "class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
    write_below(state, "class/thermal/thermal_zone0/temp", "45500\n");
    write_below(state, "class/thermal/cooling_device0/type", "Fan\n");
    write_below(state, "class/hwmon/hwmon1/name", "coretemp\n");
    write_below(state, "class/hwmon/hwmon1/temp2_input", "-1000\n");
    write_below(state, "class/hwmon/hwmon1/temp3_input", "broken\n");
    write_below(state, "class/hwmon/hwmon1/temp2_max", "90000\n");
    assert_int_equal(sample_temperatures(directory->path, &sink, &err), D2K_OK);
    assert_int_equal(kept.count, 3);
    assert_real(&kept, "Temp_x86_pkg_temp_0", 45.5);
    assert_real(&kept, "Temp_coretemp_1_2", -1.0);
    assert_invalid(&kept, "Temp_coretemp_1_3");
}

static void a_machine_without_sensors_is_no_error(void **state)
{
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    struct temporary_directory *directory = *state;
    struct error err;
    assert_int_equal(sample_temperatures(directory->path, &sink, &err), D2K_OK);
    assert_int_equal(kept.count, 0);
}

static void files_that_are_missing_are_named(void **state)
{
    struct kept kept = {.count = 0};
    struct sample_sink sink = {keep, &kept};
    static struct network network;
    struct error err;
    (void)state;
    assert_int_equal(sample_disks("/nowhere", &sink, &err), D2K_FILE);
    assert_non_null(strstr(err.text, "/nowhere/self/mounts"));
    assert_int_equal(sample_network("/nowhere", &network, 1, &sink, &err), D2K_FILE);
    assert_non_null(strstr(err.text, "/nowhere/net/dev"));
}

static void the_space_of_a_file_system_is_told(void **state)
{
    struct os_disk_space space;
    (void)state;
    assert_int_equal(os_disk_space("/", &space), 0);
    assert_true(space.used > 0);
    assert_int_not_equal(os_disk_space("/no/such/path", &space), 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_temporary_directory, remove_temporary_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_core_has_its_load),
        TEST(a_core_without_an_earlier_look_is_not_valid),
        TEST(tasks_and_switches_come_from_stat),
        TEST(file_systems_of_this_machine_count_once),
        TEST(network_gives_rates_from_the_second_look_on),
        TEST(zones_and_sensors_give_degrees),
        TEST(a_machine_without_sensors_is_no_error),
        TEST(files_that_are_missing_are_named),
        TEST(the_space_of_a_file_system_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
