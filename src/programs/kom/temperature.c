/* programs/kom/temperature.c: thermal zones and sensors of hwmon, below /sys/class. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "os/directory.h"
#include "os/file.h"
#include "programs/kom/sample.h"

#define TEXT_MAX 64u
#define LOWEST_MC                                                                   \
    (-100000) /* a sensor that says less or more is broken; thousandths of a degree \
               */
#define HIGHEST_MC 1000000

static bool is_zone(const char *name)
{
    return strncmp(name, "thermal_zone", 12) == 0;
}

static bool is_chip(const char *name)
{
    return strncmp(name, "hwmon", 5) == 0;
}

/* "temp3_input" */
static bool is_sensor(const char *name)
{
    size_t digits = strspn(name + (strncmp(name, "temp", 4) == 0 ? 4 : 0), "0123456789");
    return strncmp(name, "temp", 4) == 0 && digits >= 1 && digits <= 4 &&
           strcmp(name + 4 + digits, "_input") == 0;
}

/* The first line of <directory>/<name>; "" when it cannot be read. */
static void read_line(const char *directory, const char *name, char ret[TEXT_MAX])
{
    char path[SAMPLE_PATH_MAX];
    ret[0] = '\0';
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (length > 0 && (size_t)length < sizeof path && proc_read_text(path, ret, TEXT_MAX) != 0) {
        ret[0] = '\0';
    }
    ret[strcspn(ret, "\n")] = '\0';
}

static d2k_value read_temperature(const char *directory, const char *name)
{
    char text[TEXT_MAX];
    long long thousandths;
    read_line(directory, name, text);
    return text_to_number(text, LOWEST_MC, HIGHEST_MC, &thousandths)
               ? d2k_real((double)thousandths / 1000.0)
               : sample_invalid(D2K_TYPE_REAL);
}

static void put_zone(const char *directory, const char *zone, const struct sample_sink *sink)
{
    char type[TEXT_MAX];
    read_line(directory, "type", type);
    sample_put(sink,
               "\xc2\xb0"
               "C",
               "Temperature of a thermal zone", read_temperature(directory, "temp"),
               "Temp_%.32s_%.8s", type[0] == '\0' ? "zone" : type, zone + strlen("thermal_zone"));
}

static void put_chip(const char *directory, const char *chip, const struct sample_sink *sink)
{
    struct os_names sensors;
    char type[TEXT_MAX];
    if (os_directory_list(directory, is_sensor, TEMPERATURE_MAX, &sensors) != 0) {
        return; /* it went away meanwhile */
    }
    read_line(directory, "name", type);
    for (size_t i = 0; i < sensors.count; i++) {
        const char *number = sensors.names[i] + strlen("temp");
        sample_put(sink,
                   "\xc2\xb0"
                   "C",
                   "Temperature of a sensor", read_temperature(directory, sensors.names[i]),
                   "Temp_%.28s_%.6s_%.*s", type[0] == '\0' ? "chip" : type, chip + strlen("hwmon"),
                   (int)strcspn(number, "_"), number);
    }
    os_names_free(&sensors);
}

static d2k_result
put_class(const char *sys_root, const char *class_name, bool (*wanted)(const char *name),
          void (*put)(const char *directory, const char *name, const struct sample_sink *sink),
          const struct sample_sink *sink, struct error *err)
{
    struct os_names names;
    char path[SAMPLE_PATH_MAX / 2], directory[SAMPLE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/class/%s", sys_root, class_name);
    int failure = os_directory_list(path, wanted, TEMPERATURE_MAX, &names);
    if (failure == ENOENT) {
        return D2K_OK; /* this machine has none */
    }
    if (failure != 0) {
        return error_set(err, D2K_FILE, "%s cannot be read: %s", path, os_error_text(failure));
    }
    for (size_t i = 0; i < names.count; i++) {
        int length = snprintf(directory, sizeof directory, "%s/%s", path, names.names[i]);
        if (length > 0 && (size_t)length < sizeof directory) {
            put(directory, names.names[i], sink);
        }
    }
    os_names_free(&names);
    return D2K_OK;
}

d2k_result sample_temperatures(const char *sys_root, const struct sample_sink *sink,
                               struct error *err)
{
    d2k_result result = put_class(sys_root, "thermal", is_zone, put_zone, sink, err);
    return result != D2K_OK ? result : put_class(sys_root, "hwmon", is_chip, put_chip, sink, err);
}
