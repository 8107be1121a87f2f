/* SPDX-License-Identifier: MIT */

/* Tests of whole-file reads, atomic writes and the folders around them, in a folder under $TMPDIR.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"

typedef struct Folder {
    char *path;
    int fd;
} Folder;

static int set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");
    Folder *folder = calloc(1, sizeof(Folder));

    assert_non_null(folder);
    folder->path = text_printf("%s/phoenix-test-file-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder->path));
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder->fd >= 0);
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    Folder *folder = *state;

    close(folder->fd);
    assert_int_equal(dir_remove_tree(folder->path), 0);
    assert_int_equal(access(folder->path, F_OK), -1);
    free(folder->path);
    free(folder);
    return 0;
}

static void put(int dirfd, const char *name, const char *data)
{
    assert_int_equal(file_write_atomic(dirfd, name, data, strlen(data), 0644, false), 0);
}

static unsigned count_entries(const char *path)
{
    _cleanup_closedir_ DIR *dir = opendir(path);
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    return n - 2;
}

static void test_read(void **state)
{
    int fd = ((Folder *)*state)->fd;
    char *s = NULL;
    size_t size;

    assert_int_equal(file_write_atomic(fd, "f", "a\0b", 3, 0600, false), 0);
    assert_int_equal(file_read(fd, "f", 3, &s, &size), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(s, "a\0b", 4);
    free(s);

    put(fd, "empty", "");
    assert_int_equal(file_read(fd, "empty", 0, &s, NULL), 0);
    assert_string_equal(s, "");
    free(s);

    s = NULL;
    assert_int_equal(file_read(fd, "f", 2, &s, &size), -EFBIG);
    assert_int_equal(file_read(fd, "none", 100, &s, &size), -ENOENT);
    assert_int_equal(file_read(fd, ".", 100, &s, &size), -EISDIR);
    assert_null(s);
}

static void test_read_large(void **state)
{
    int fd = ((Folder *)*state)->fd;
    size_t n = 3 * 1024 * 1024 + 17, size = 0;
    _cleanup_free_ char *data = malloc(n), *s = NULL;

    for (size_t i = 0; i < n; i++)
        data[i] = (char)(i * 7);
    assert_int_equal(file_write_atomic(fd, "large", data, n, 0600, true), 0);
    assert_int_equal(file_read(fd, "large", n, &s, &size), 0);
    assert_int_equal(size, n);
    assert_memory_equal(s, data, n);
}

static void test_read_grown_file(void **state)
{
    _cleanup_free_ char *s = NULL;
    size_t size;

    /* fstat() says 0 for it. */
    assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", 1024 * 1024, &s, &size), 0);
    assert_int_equal(strlen(s), size);
    assert_int_equal(strncmp(s, "Name:", 5), 0);
    assert_int_equal(file_read(AT_FDCWD, "/proc/self/status", 10, &s, &size), -EFBIG);

    /* Such a file is whole in the first read, and at its end in the second. */
    free(s);
    assert_int_equal(file_read(AT_FDCWD, "/proc/sys/kernel/ostype", 1024, &s, &size), 0);
    assert_string_equal(s, "Linux\n");
}

static void test_read_refuses_special_files(void **state)
{
    Folder *folder = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_close_ int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *s = NULL;

    assert_int_equal(mkfifoat(folder->fd, "fifo", 0600), 0);
    assert_int_equal(file_read(folder->fd, "fifo", 100, &s, NULL), -EINVAL);
    assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 100, &s, NULL), -EINVAL);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder->path);
    assert_int_equal(bind(socket_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(file_read(folder->fd, "socket", 100, &s, NULL), -EINVAL);

    assert_int_equal(symlinkat("/dev/null", folder->fd, "masked"), 0);
    assert_int_equal(file_read(folder->fd, "masked", 100, &s, NULL), -EINVAL);
    assert_null(s);
}

static void test_write_replaces(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *s = NULL;
    struct stat st;
    mode_t mask = umask(077);

    put(folder->fd, "f", "old");
    assert_int_equal(file_write_atomic(folder->fd, "f", "new", 3, 0664, false), 0);
    umask(mask);
    assert_int_equal(file_read(folder->fd, "f", 100, &s, NULL), 0);
    assert_string_equal(s, "new");
    assert_int_equal(fstatat(folder->fd, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0664);
    assert_int_equal(count_entries(folder->path), 1);
}

static void test_write_below_a_folder(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *sub = text_printf("%s/sub", folder->path);
    _cleanup_free_ char *file = text_printf("%s/f", sub);
    _cleanup_free_ char *s = NULL;

    assert_int_equal(dir_make(sub, 0755), 0);
    assert_int_equal(file_write_atomic(folder->fd, "sub/f", "1", 1, 0644, true), 0);
    assert_int_equal(file_write_atomic(folder->fd, file, "2", 1, 0644, true), 0);
    assert_int_equal(file_read(folder->fd, "sub/f", 100, &s, NULL), 0);
    assert_string_equal(s, "2");
    assert_int_equal(count_entries(sub), 1);
}

static void test_write_failures_leave_nothing(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *sub = text_printf("%s/sub", folder->path);

    assert_int_equal(dir_make(sub, 0755), 0);
    assert_int_equal(file_write_atomic(folder->fd, "sub", "1", 1, 0644, false), -EISDIR);
    assert_int_equal(file_write_atomic(folder->fd, "none/f", "1", 1, 0644, false), -ENOENT);
    assert_int_equal(symlink_atomic(folder->fd, "target", "sub"), -EISDIR);
    assert_int_equal(count_entries(folder->path), 1);
}

static void test_write_replaces_a_link_itself(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *target = NULL, *link = NULL;

    put(folder->fd, "target", "kept");
    assert_int_equal(symlink_atomic(folder->fd, "target", "link"), 0);
    put(folder->fd, "link", "own");
    assert_int_equal(file_read(folder->fd, "target", 100, &target, NULL), 0);
    assert_int_equal(file_read(folder->fd, "link", 100, &link, NULL), 0);
    assert_string_equal(target, "kept");
    assert_string_equal(link, "own");
}

static void test_symlink(void **state)
{
    Folder *folder = *state;
    char target[16] = "";

    put(folder->fd, "link", "a file before");
    assert_int_equal(symlink_atomic(folder->fd, "one", "link"), 0);
    assert_int_equal(symlink_atomic(folder->fd, "../two", "link"), 0);
    assert_int_equal(readlinkat(folder->fd, "link", target, sizeof(target) - 1), 6);
    assert_string_equal(target, "../two");
    assert_int_equal(count_entries(folder->path), 1);
}

static void test_dir_make(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *deep = text_printf("%s//a/b/c/", folder->path);
    _cleanup_free_ char *on_file = text_printf("%s/file", folder->path);
    _cleanup_free_ char *below_file = text_printf("%s/file/x", folder->path);
    struct stat st;

    assert_int_equal(dir_make(deep, 0700), 0);
    assert_int_equal(dir_make(deep, 0700), 0);
    assert_int_equal(fstatat(folder->fd, "a/b/c", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0700);

    put(folder->fd, "file", "");
    assert_int_equal(dir_make(on_file, 0700), -ENOTDIR);
    assert_int_equal(dir_make(below_file, 0700), -ENOTDIR);
    assert_int_equal(dir_make("", 0700), -ENOENT);
    assert_int_equal(dir_make("/", 0700), 0);
}

static void test_remove_tree_does_not_follow_links(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *kept = text_printf("%s/kept", folder->path);
    _cleanup_free_ char *tree = text_printf("%s/tree/below", folder->path);
    _cleanup_free_ char *top = text_printf("%s/tree", folder->path);

    assert_int_equal(dir_make(kept, 0755), 0);
    assert_int_equal(dir_make(tree, 0755), 0);
    put(folder->fd, "kept/f", "");
    put(folder->fd, "tree/below/f", "");
    assert_int_equal(symlinkat("../../kept", folder->fd, "tree/below/link"), 0);
    assert_int_equal(dir_remove_tree(top), 0);
    assert_int_equal(count_entries(folder->path), 1);
    assert_int_equal(count_entries(kept), 1);
    assert_int_equal(dir_remove_tree(top), 0); /* gone already */

    assert_int_equal(symlinkat("kept", folder->fd, "tree"), 0);
    assert_int_equal(dir_remove_tree(top), 0); /* the link, not the folder */
    assert_int_equal(count_entries(kept), 1);
}

static void test_remove_tree_is_bounded(void **state)
{
    Folder *folder = *state;
    _cleanup_free_ char *top = text_printf("%s/0", folder->path);
    _cleanup_text_ Text path = {0};

    text_add(&path, top);
    for (unsigned i = 1; i < 80; i++)
        text_add(&path, "/1");
    assert_int_equal(dir_make(path.data, 0755), 0);
    assert_int_equal(dir_remove_tree(top), -ELOOP);

    /* From further down it can be done, in two goes. */
    path.data[strlen(top) + 2 * 40] = '\0';
    assert_int_equal(dir_remove_tree(path.data), 0);
    assert_int_equal(dir_remove_tree(top), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read),
        TEST(test_read_large),
        TEST(test_read_grown_file),
        TEST(test_read_refuses_special_files),
        TEST(test_write_replaces),
        TEST(test_write_below_a_folder),
        TEST(test_write_failures_leave_nothing),
        TEST(test_write_replaces_a_link_itself),
        TEST(test_symlink),
        TEST(test_dir_make),
        TEST(test_remove_tree_does_not_follow_links),
        TEST(test_remove_tree_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
