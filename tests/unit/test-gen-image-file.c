/* SPDX-License-Identifier: MIT */

/* Tests of looking into image archives: those that are none, are odd, or are too much. What good
 * ones become is tests/golden/07-archives. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/macros.h"
#include "base/text.h"
#include "generator/image-file.h"

#define DIGITS "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

static char *path;

static int setup(void **state)
{
    char template[] = "/tmp/phoenix-test-XXXXXX";
    int fd = mkstemp(template);

    close(fd);
    path = strdup(template);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    free(path);
    return 0;
}

static void add(struct archive *archive, const char *name, const char *text)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (int64_t)strlen(text));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(archive, entry);
    archive_write_data(archive, text, strlen(text));
    archive_entry_free(entry);
}

static void write_archive(bool compressed, const char *name, const char *text)
{
    struct archive *archive = archive_write_new();

    archive_write_set_format_pax_restricted(archive);
    if (compressed)
        archive_write_add_filter_gzip(archive);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    add(archive, "layer.tar", "not of interest");
    add(archive, name, text);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static void expect_usable(bool oci, const char *reference)
{
    _cleanup_image_file_ ImageFile image = {0};
    _cleanup_free_ char *reason = NULL;

    assert_int_equal(image_file_inspect(path, &image, &reason), 0);
    assert_int_equal(image.oci, oci);
    assert_string_equal(image.reference, reference);
    assert_string_equal(image_file_transport(&image), oci ? "oci-archive" : "docker-archive");
}

static void expect_unusable(const char *expected)
{
    ImageFile image = {0};
    _cleanup_free_ char *reason = NULL;

    assert_int_equal(image_file_inspect(path, &image, &reason), IMAGE_FILE_UNUSABLE);
    assert_null(image.reference);
    if (!strstr(reason, expected))
        fail_msg("\"%s\" does not say \"%s\"", reason, expected);
}

static void test_plain_and_compressed(void **state)
{
    const char *manifest = "[{\"Config\": \"" DIGITS ".json\", \"RepoTags\": [\"a/b:1\"]}]";

    write_archive(false, "manifest.json", manifest);
    expect_usable(false, "a/b:1");
    write_archive(true, "./manifest.json", manifest);
    expect_usable(false, "a/b:1");
}

static void test_image_ids(void **state)
{
    write_archive(false, "manifest.json", "[{\"Config\": \"" DIGITS ".json\"}]");
    expect_usable(false, DIGITS);
    write_archive(false, "manifest.json",
                  "[{\"Config\": \"blobs/sha256/" DIGITS "\", \"RepoTags\": []}]");
    expect_usable(false, DIGITS);
}

static void test_names_from_outside_are_not_believed(void **state)
{
    static const char *const names[] = {"-v", "/abs", "a b", "a\nExecStart=x", "%h", "$x", ""};

    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        _cleanup_free_ char *manifest = text_printf("[{\"RepoTags\": [\"%s\"]}]", names[i]);
        write_archive(false, "manifest.json", manifest);
        expect_unusable("exactly one image");
    }
}

static void test_damaged_indexes(void **state)
{
    static const char *const manifests[] = {
        "", "{", "[]", "{}", "[1]", "[{}, {}]", "null", "[{\"Config\": \"short.json\"}]"};

    for (size_t i = 0; i < ELEMENTSOF(manifests); i++) {
        write_archive(false, "manifest.json", manifests[i]);
        expect_unusable(manifests[i][0] ? "exactly one image" : "neither");
        write_archive(false, "index.json", manifests[i]);
        expect_unusable(manifests[i][0] ? "exactly one image" : "neither");
    }
}

static void test_oci_manifest_that_is_not_there(void **state)
{
    write_archive(false, "index.json", "{\"manifests\": [{\"digest\": \"sha256:" DIGITS "\"}]}");
    expect_unusable("exactly one image");
}

static void test_no_archives(void **state)
{
    FILE *file = fopen(path, "w");

    fputs("just a text", file);
    fclose(file);
    expect_unusable("cannot be read");
    assert_int_equal(truncate(path, 0), 0);
    expect_unusable(path);
    unlink(path);
    expect_unusable("No such file");
    mkdir(path, 0700);
    expect_unusable("is not a file");
    rmdir(path);
}

static void test_truncated(void **state)
{
    write_archive(false, "manifest.json", "[{\"RepoTags\": [\"a:1\"]}]");
    assert_int_equal(truncate(path, 1024 + 512 + 10), 0);
    expect_unusable(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_and_compressed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_image_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_from_outside_are_not_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_indexes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oci_manifest_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_archives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
