/* SPDX-License-Identifier: MIT */
/*
 * Looking into image archives, behind image-file.h. An archive can be gigabytes; what is needed is
 * a file of a few hundred bytes. libarchive seeks over the rest of a plain tar, but a compressed
 * one has to be unpacked up to that file, so there is a limit to how far.
 */
#include "generator/image-file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/text.h"
#include "spec/image-archive.h"

/* manifest.json and index.json hold a few lines for each layer. */
#define MEMBER_MAX (1024U * 1024U)
/* Layers have a handful of entries each; an archive with more is something else. */
#define ENTRIES_MAX 100000U
/* About a second of unpacking. */
#define UNPACKED_MAX (256LL * 1024 * 1024)

typedef struct Member {
    const char *name;
    char *text; /* NULL when it is not there */
    size_t size;
} Member;

void image_file_done(ImageFile *archive)
{
    if (!archive)
        return;
    free(archive->reference);
    *archive = (ImageFile){0};
}

const char *image_file_transport(const ImageFile *archive)
{
    return archive->oci ? "oci-archive" : "docker-archive";
}

static void cleanup_archive_read(struct archive **archive)
{
    archive_read_free(*archive);
}

/* Says why the archive cannot be used. Returns IMAGE_FILE_UNUSABLE, or -ENOMEM. */
static int unusable(char **ret_reason, const char *format, ...) _printf_(2, 3);

static int unusable(char **ret_reason, const char *format, ...)
{
    va_list ap;
    char *reason;

    va_start(ap, format);
    int n = vasprintf(&reason, format, ap);
    va_end(ap);
    if (n < 0)
        return -ENOMEM;
    *ret_reason = reason;
    return IMAGE_FILE_UNUSABLE;
}

static bool same_name(const char *name, const char *wanted)
{
    if (strncmp(name, "./", 2) == 0)
        name += 2;
    return streq(name, wanted);
}

/* Reads the entry's contents when it is one of the wanted ones. Returns 0, or negative errno. */
static int read_entry(struct archive *archive, struct archive_entry *entry, Member *members,
                      size_t n)
{
    const char *name = archive_entry_pathname(entry);

    for (size_t i = 0; name && i < n; i++) {
        int64_t size = archive_entry_size(entry);
        if (members[i].text || !same_name(name, members[i].name) || size <= 0 || size > MEMBER_MAX)
            continue;
        _cleanup_free_ char *text = malloc((size_t)size);
        if (!text)
            return -ENOMEM;
        if (archive_read_data(archive, text, (size_t)size) != size)
            return -EBADMSG;
        members[i].text = TAKE_PTR(text);
        members[i].size = (size_t)size;
    }
    return 0;
}

static bool all_found(const Member *members, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!members[i].text)
            return false;
    return true;
}

static int open_archive(const char *path, struct archive **ret, char **ret_reason)
{
    _cleanup_(cleanup_archive_read) struct archive *archive = archive_read_new();
    struct stat st;

    if (!archive)
        return -ENOMEM;
    if (stat(path, &st) < 0)
        return unusable(ret_reason, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return unusable(ret_reason, "%s is not a file", path);
    archive_read_support_filter_all(archive);
    archive_read_support_format_tar(archive);
    if (archive_read_open_filename(archive, path, 65536) != ARCHIVE_OK)
        return unusable(ret_reason, "%s cannot be read: %s", path, archive_error_string(archive));
    *ret = TAKE_PTR(archive);
    return 0;
}

/* Goes through the archive until all members are found or it ends. */
static int read_members(const char *path, Member *members, size_t n, char **ret_reason)
{
    _cleanup_(cleanup_archive_read) struct archive *archive = NULL;
    struct archive_entry *entry;

    int r = open_archive(path, &archive, ret_reason);
    if (r != 0)
        return r;
    for (unsigned i = 0; !all_found(members, n); i++) {
        int got = archive_read_next_header(archive, &entry);
        if (got == ARCHIVE_EOF)
            return 0;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return unusable(ret_reason, "%s is not an OCI or Docker archive: %s", path,
                            archive_error_string(archive));
        bool compressed = archive_filter_count(archive) > 1;
        if (i >= ENTRIES_MAX || (compressed && archive_filter_bytes(archive, 0) > UNPACKED_MAX))
            return unusable(ret_reason,
                            "%s is too large to look into; unpack it to a plain .tar, "
                            "where the index can be found at once",
                            path);
        r = read_entry(archive, entry, members, n);
        if (r == -EBADMSG)
            return unusable(ret_reason, "%s is damaged: %s", path, archive_error_string(archive));
        if (r < 0)
            return r;
    }
    return 0;
}

/* An OCI manifest without a name: its config's digest is the image's ID. */
static int read_image_id(const char *path, const char *manifest, char **ret_reference,
                         char **ret_reason)
{
    Member member = {.name = manifest};

    int r = read_members(path, &member, 1, ret_reason);
    if (r == 0 && !member.text)
        r = -EINVAL;
    if (r == 0)
        r = image_archive_oci_image_id(member.text, member.size, ret_reference);
    free(member.text);
    return r;
}

static int inspect_oci(const char *path, const Member *index, ImageFile *ret, char **ret_reason)
{
    _cleanup_free_ char *reference = NULL, *manifest = NULL;

    int r = image_archive_oci_reference(index->text, index->size, &reference, &manifest);
    if (r == 0 && !reference)
        r = read_image_id(path, manifest, &reference, ret_reason);
    if (r == 0)
        *ret = (ImageFile){.oci = true, .reference = TAKE_PTR(reference)};
    return r;
}

static int inspect_docker(const Member *manifest, ImageFile *ret)
{
    char *reference;

    int r = image_archive_docker_reference(manifest->text, manifest->size, &reference);
    if (r == 0)
        *ret = (ImageFile){.oci = false, .reference = reference};
    return r;
}

int image_file_inspect(const char *path, ImageFile *ret, char **ret_reason)
{
    Member members[] = {{.name = "manifest.json"}, {.name = "index.json"}};

    int r = read_members(path, members, ELEMENTSOF(members), ret_reason);
    if (r == 0) {
        /* Newer `docker save` writes both; Podman reads such a file as a Docker archive as well. */
        if (members[0].text)
            r = inspect_docker(&members[0], ret);
        else if (members[1].text)
            r = inspect_oci(path, &members[1], ret, ret_reason);
        else
            r = unusable(ret_reason,
                         "%s is not an OCI or Docker archive: it holds neither "
                         "manifest.json nor index.json",
                         path);
    }
    if (r == -EINVAL)
        r = unusable(ret_reason, "%s does not hold exactly one image that can be named", path);
    for (size_t i = 0; i < ELEMENTSOF(members); i++)
        free(members[i].text);
    return r;
}
