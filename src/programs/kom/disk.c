/* programs/kom/disk.c: file systems on devices of this machine. Those of the network are left out:
 * looking at one whose server is gone would stop everything. */
#include <stdio.h>
#include <string.h>

#include "os/disk.h"
#include "os/file.h"
#include "programs/kom/sample.h"

#define MOUNTS_TEXT_MAX (256u * 1024u)
#define MOUNT_FIELDS    3

struct mount {
    char device[SAMPLE_PATH_MAX], path[SAMPLE_PATH_MAX];
};

struct mounts {
    struct mount all[DISK_MOUNTS_MAX];
    size_t count;
};

static unsigned octal(const char *at)
{
    unsigned number = 0;
    for (int i = 0; i < 3; i++) {
        if (at[i] < '0' || at[i] > '7') {
            return 0;
        }
        number = number * 8 + (unsigned)(at[i] - '0');
    }
    return number;
}

/* Copies one field with its \040 decoded; false: it is too long. */
static bool decode(const char *field, size_t size, char ret[SAMPLE_PATH_MAX])
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = field[i];
        if (c == '\\' && size - i > 3 && octal(field + i + 1) != 0) {
            c = (char)octal(field + i + 1);
            i += 3;
        }
        if (used + 1 == SAMPLE_PATH_MAX) {
            return false;
        }
        ret[used++] = c;
    }
    ret[used] = '\0';
    return true;
}

static bool is_of_this_machine(const struct mount *mount, const char *type)
{
    bool is_device =
        strncmp(mount->device, "/dev/", 5) == 0 && strncmp(mount->device, "/dev/loop", 9) != 0;
    bool is_image = strncmp(type, "squashfs", 8) == 0 || strncmp(type, "iso9660", 7) == 0;
    bool is_pool = strncmp(type, "zfs ", 4) == 0;
    return (is_device && !is_image) || is_pool;
}

static void add_mount(struct mounts *mounts, const struct mount *mount)
{
    for (size_t i = 0; i < mounts->count; i++) {
        struct mount *other = &mounts->all[i];
        if (strcmp(other->device, mount->device) == 0) {
            if (strlen(mount->path) < strlen(other->path)) {
                *other = *mount;
            }
            return;
        }
    }
    if (mounts->count < DISK_MOUNTS_MAX) {
        mounts->all[mounts->count++] = *mount;
    }
}

/* "device path type options 0 0" */
static void take_line(struct mounts *mounts, const char *line)
{
    const char *fields[MOUNT_FIELDS];
    size_t sizes[MOUNT_FIELDS];
    struct mount mount;
    for (int i = 0; i < MOUNT_FIELDS; i++) {
        fields[i] = line;
        sizes[i] = strcspn(line, " \n");
        line += sizes[i];
        if (*line != ' ') {
            return;
        }
        line++;
    }
    if (decode(fields[0], sizes[0], mount.device) && decode(fields[1], sizes[1], mount.path) &&
        is_of_this_machine(&mount, fields[2])) {
        add_mount(mounts, &mount);
    }
}

/* The root is always there, also where its device is not listed: in a container, or after chroot.
 */
static void add_root(struct mounts *mounts)
{
    struct mount root = {.device = "root", .path = "/"};
    for (size_t i = 0; i < mounts->count; i++) {
        if (strcmp(mounts->all[i].path, root.path) == 0) {
            return;
        }
    }
    add_mount(mounts, &root);
}

static void put_mount(const struct mount *mount, const struct sample_sink *sink)
{
    struct os_disk_space space;
    const char *name = strcmp(mount->path, "/") == 0 ? "Root" : mount->path + 1;
    d2k_value used = sample_invalid(D2K_TYPE_REAL), free = sample_invalid(D2K_TYPE_INTEGER);
    if (os_disk_space(mount->path, &space) == 0) {
        uint64_t all = space.used + space.available;
        used = d2k_real(all == 0 ? 0.0 : 100.0 * (double)space.used / (double)all);
        free = d2k_integer(space.available > INT64_MAX ? INT64_MAX : (int64_t)space.available);
    }
    sample_put(sink, "%", "Share of this file system that is used", used, "Disk_%.40s_Used", name);
    sample_put(sink, "B", "What may still be written to this file system", free, "Disk_%.40s_Free",
               name);
}

d2k_result sample_disks(const char *proc_root, const struct sample_sink *sink, struct error *err)
{
    static char text[MOUNTS_TEXT_MAX];
    static struct mounts mounts;
    char path[SAMPLE_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/self/mounts", proc_root);
    int failure = proc_read_text(path, text, sizeof text);
    if (failure != 0) {
        return error_set(err, D2K_FILE, "%s cannot be read: %s", path, os_error_text(failure));
    }
    mounts.count = 0;
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        take_line(&mounts, line);
    }
    add_root(&mounts);
    for (size_t i = 0; i < mounts.count; i++) {
        put_mount(&mounts.all[i], sink);
    }
    return D2K_OK;
}
