/* SPDX-License-Identifier: MIT */

/* Calls of podman(1). */

#include "cli/update/podman.h"

#include <errno.h>

#include "base/process.h"
#include "base/strv.h"
#include "base/text.h"

#define OUTPUT_MAX (1024U * 1024U)
#define ID_LENGTH  64U

#define CALL_TIMEOUT_USEC USEC_PER_MINUTE
/* As long as the units of containers have for it. */
#define PULL_TIMEOUT_USEC (15 * USEC_PER_MINUTE)
/* Killed while it writes an image down, Podman leaves one without a manifest, after which it lists
 * none; asked to end, it completes what it writes. */
#define GRACE_USEC (30 * USEC_PER_SEC)

void podman_image_done(PodmanImage *image)
{
    free(image->id);
    free(image->digest);
    strv_free(image->tags);
    *image = (PodmanImage){0};
}

static bool is_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

/* The last line that Podman wrote to standard error, without its "Error: ". */
static char *reason_of(const char *text)
{
    _cleanup_strv_free_ char **lines = NULL;
    const char *last = "it failed without a reason";

    if (strv_split(text, "\n", &lines) < 0)
        return NULL;
    STRV_FOREACH (line, lines)
        last = *line;
    if (strncmp(last, "Error: ", strlen("Error: ")) == 0)
        last += strlen("Error: ");
    return strdup(last);
}

static bool says_missing(const char *text)
{
    static const char *const words[] = {"no such object", "image not known", "no such container",
                                        "no such image"};

    for (size_t i = 0; i < ELEMENTSOF(words); i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

static int run_until(int cancel_fd, char *const argv[], uint64_t timeout_usec, char **ret_output,
                     char **ret_why)
{
    _cleanup_free_ char *output = NULL, *complaints = NULL;
    int r;

    r = process_run_until(cancel_fd, argv, timeout_usec, GRACE_USEC, OUTPUT_MAX, &output,
                          &complaints);
    if (r == 0) {
        *ret_output = TAKE_PTR(output);
        return 0;
    }
    if (r > 0 && says_missing(complaints))
        return -ENOENT;
    free(*ret_why);
    if (r < 0)
        *ret_why = text_printf("podman: %s", strerror(-r));
    else
        *ret_why = reason_of(complaints);
    return r < 0 && r != -ENOENT ? r : -EIO;
}

static int run(char *const argv[], uint64_t timeout_usec, char **ret_output, char **ret_why)
{
    return run_until(-1, argv, timeout_usec, ret_output, ret_why);
}

static int bad_answer(char **ret_why)
{
    free(*ret_why);
    *ret_why = strdup("podman gave an answer that is not understood");
    return -EIO;
}

/* The last line of the output, which must be an image ID. */
static int take_id(const char *output, char **ret_id, char **ret_why)
{
    _cleanup_strv_free_ char **lines = NULL;
    size_t n;

    if (strv_split(output, "\n", &lines) < 0)
        return -ENOMEM;
    n = strv_length(lines);
    if (n == 0 || !is_hex(lines[n - 1], ID_LENGTH))
        return bad_answer(ret_why);
    *ret_id = TAKE_PTR(lines[n - 1]);
    return 0;
}

static int read_image(char **lines, PodmanImage *ret, char **ret_why)
{
    _cleanup_podman_image_ PodmanImage image = {0};

    if (strv_length(lines) < 2 || !is_hex(lines[0], ID_LENGTH) ||
        strncmp(lines[1], "sha256:", strlen("sha256:")) != 0 ||
        !is_hex(lines[1] + strlen("sha256:"), ID_LENGTH))
        return bad_answer(ret_why);
    image.id = strdup(lines[0]);
    image.digest = strdup(lines[1]);
    if (!image.id || !image.digest)
        return -ENOMEM;
    STRV_FOREACH (line, lines + 2)
        if (strv_push(&image.tags, *line) < 0)
            return -ENOMEM;
    *ret = image;
    image = (PodmanImage){0};
    return 0;
}

int podman_inspect(const char *name, PodmanImage *ret, char **ret_why)
{
    static const char format[] = "{{.Id}}\n{{.Digest}}\n{{range .RepoTags}}{{.}}\n{{end}}";
    char *const argv[] = {"podman",       "image", "inspect",    "--format",
                          (char *)format, "--",    (char *)name, NULL};
    _cleanup_strv_free_ char **lines = NULL;
    _cleanup_free_ char *output = NULL;
    int r;

    r = run(argv, CALL_TIMEOUT_USEC, &output, ret_why);
    if (r >= 0)
        r = strv_split(output, "\n", &lines);
    return r < 0 ? r : read_image(lines, ret, ret_why);
}

int podman_container_image(const char *container, char **ret_id, char **ret_why)
{
    char *const argv[] = {"podman",     "container", "inspect",         "--format",
                          "{{.Image}}", "--",        (char *)container, NULL};
    _cleanup_free_ char *output = NULL;
    int r;

    r = run(argv, CALL_TIMEOUT_USEC, &output, ret_why);
    return r < 0 ? r : take_id(output, ret_id, ret_why);
}

int podman_pull(const char *reference, int cancel_fd, char **ret_id, char **ret_why)
{
    char *const argv[] = {"podman", "image", "pull", "--quiet", "--", (char *)reference, NULL};
    _cleanup_free_ char *output = NULL;
    int r;

    r = run_until(cancel_fd, argv, PULL_TIMEOUT_USEC, &output, ret_why);
    return r < 0 ? r : take_id(output, ret_id, ret_why);
}

int podman_tag(const char *image, const char *name, char **ret_why)
{
    char *const argv[] = {"podman", "image", "tag", "--", (char *)image, (char *)name, NULL};
    _cleanup_free_ char *output = NULL;

    return run(argv, CALL_TIMEOUT_USEC, &output, ret_why);
}

int podman_remove(const char *name, char **ret_why)
{
    char *const remove[] = {"podman", "image", "rm", "--", (char *)name, NULL};
    char *const untag[] = {"podman", "image", "untag", "--", (char *)name, (char *)name, NULL};
    _cleanup_free_ char *output = NULL, *again = NULL;
    int r;

    r = run(remove, CALL_TIMEOUT_USEC, &output, ret_why);
    return r == 0 || r == -ENOENT ? r : run(untag, CALL_TIMEOUT_USEC, &again, ret_why);
}
