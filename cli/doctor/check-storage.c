/* SPDX-License-Identifier: MIT */

/* Where Podman keeps images, and how. It is read off the files, as `podman info` would make some.
 * Whatever is changed here, images have to be pulled again. */

#include <linux/magic.h>
#include <sys/vfs.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/config.h"
#include "cli/doctor/mend.h"

/* Not in linux/magic.h of all releases. */
#define FUSE_MAGIC 0x65735546

/* From here on the kernel lets a user mount overlays. */
#define OVERLAY_OF_USERS VERSION(5, 13)

static char *default_graphroot(const Machine *machine)
{
    const char *data = *machine->root ? NULL : getenv("XDG_DATA_HOME");

    if (!machine_is_rootless(machine))
        return strdup("/var/lib/containers/storage");
    if (data && *data)
        return text_printf("%s/containers/storage", data);
    return text_printf("%s/.local/share/containers/storage", machine->home);
}

/* The place by storage.conf(5): "graphroot" of the system's file does not count for users. */
static char *find_graphroot(const Machine *machine, const char *config)
{
    bool rootless = machine_is_rootless(machine);
    _cleanup_free_ char *set =
        config ? config_value(config, "storage", rootless ? "rootless_storage_path" : "graphroot")
               : NULL;

    /* With variables in it, it is Podman's to spell out. */
    return set && *set == '/' && !strchr(set, '$') ? TAKE_PTR(set) : default_graphroot(machine);
}

/* What has been used so far leaves a folder behind, which Podman goes by. */
static const char *driver_on_disk(const Machine *machine, const char *graphroot)
{
    static const char *const drivers[] = {"overlay", "vfs", "btrfs", "zfs"};

    for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
        _cleanup_free_ char *path = text_printf("%s/%s-images", graphroot, drivers[i]);

        if (path && machine_has(machine, path))
            return drivers[i];
    }
    return NULL;
}

/* The file system below the folder, or below the nearest one that is there; 0: not known. */
static long file_system(const Machine *machine, const char *graphroot)
{
    _cleanup_free_ char *path = machine_path(machine, graphroot);
    struct statfs fs;

    while (path && strchr(path, '/')) {
        if (statfs(path, &fs) == 0)
            return (long)fs.f_type;
        *strrchr(path, '/') = '\0';
    }
    return 0;
}

static bool uses_fuse(const Machine *machine, const char *graphroot)
{
    _cleanup_free_ char *path = text_printf("%s/overlay/.has-mount-program", graphroot);
    _cleanup_free_ char *text = path ? machine_read_line(machine, path) : NULL;

    return text && streq(text, "true");
}

/* Every command of it is for the user whose images they are. */
static void add_reset(Doctor *doctor)
{
    _cleanup_free_ char *folder = config_folder(doctor->machine);
    _cleanup_free_ char *quoted = folder ? mend_quote(folder) : NULL;

    if (!machine_is_rootless(doctor->machine))
        doctor_add_mend(doctor, "sed -i 's/^ *driver *=.*/driver = \"overlay\"/' "
                                "/etc/containers/storage.conf");
    else if (quoted)
        doctor_add_mend(doctor,
                        "mkdir -p %s && printf '[storage]\\ndriver = \"overlay\"\\n' "
                        ">%s/storage.conf",
                        quoted, quoted);
    doctor_add_mend(doctor, "podman system reset");
}

static void add_vfs(Doctor *doctor)
{
    doctor_add_warning(doctor, "driver vfs");
    doctor_add_meaning(doctor,
                       "It copies the whole image for each container: slow starts, and a lot "
                       "of disk. The commands choose overlay; the last one deletes all "
                       "containers, images and volumes of %s, and asks first.",
                       doctor->machine->user);
    add_reset(doctor);
}

static void add_fuse(Doctor *doctor)
{
    doctor_add_warning(doctor, "driver overlay, through fuse-overlayfs");
    doctor_add_meaning(doctor,
                       "Each access to a file of a container goes through another process; "
                       "this kernel can do without. The commands choose so; the last one "
                       "deletes all containers, images and volumes of %s, and asks first.",
                       doctor->machine->user);
    add_reset(doctor);
}

static void add_strange_ground(Doctor *doctor, const char *graphroot, const char *name)
{
    doctor_add_warning(doctor, "%s is on %s", graphroot, name);
    doctor_add_meaning(doctor,
                       "Podman cannot keep files of several owners on it: set %s in "
                       "storage.conf(5) to a folder of a local disk.",
                       machine_is_rootless(doctor->machine) ? "rootless_storage_path"
                                                            : "graphroot");
}

static void check_driver(Doctor *doctor, const char *driver, const char *graphroot)
{
    const Machine *machine = doctor->machine;
    bool overlay_of_users = version_parse(machine->release) >= OVERLAY_OF_USERS;
    _cleanup_free_ char *fuse = machine_find_program(machine, "fuse-overlayfs");

    if (driver && streq(driver, "vfs")) {
        add_vfs(doctor);
    } else if (uses_fuse(machine, graphroot) && overlay_of_users) {
        add_fuse(doctor);
    } else if (machine_is_rootless(machine) && !overlay_of_users && !fuse) {
        doctor_add_warning(doctor, "no fuse-overlayfs");
        doctor_add_meaning(doctor,
                           "This kernel lets no user mount an overlay, so Podman would copy "
                           "the whole image for each container.");
        mend_by_package(doctor, PACKAGE_FUSE_OVERLAYFS);
    } else {
        doctor_add_ok(doctor, "%s%s, %s", driver ? "driver " : "not used yet", driver ? driver : "",
                      graphroot);
    }
}

void check_storage(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    _cleanup_free_ char *config = config_of_storage(machine);
    _cleanup_free_ char *graphroot = find_graphroot(machine, config);
    _cleanup_free_ char *set = config ? config_value(config, "storage", "driver") : NULL;
    const char *driver = graphroot ? driver_on_disk(machine, graphroot) : NULL;
    long ground = graphroot ? file_system(machine, graphroot) : 0;

    if (!graphroot)
        return;
    if (ground == NFS_SUPER_MAGIC)
        add_strange_ground(doctor, graphroot, "NFS");
    else if (ground == OVERLAYFS_SUPER_MAGIC && !machine_is_rootless(machine))
        add_strange_ground(doctor, graphroot, "an overlay");
    else if (ground == FUSE_MAGIC)
        add_strange_ground(doctor, graphroot, "FUSE");
    else
        check_driver(doctor, set && *set ? set : driver, graphroot);
}
