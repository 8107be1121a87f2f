/* SPDX-License-Identifier: MIT */
/*
 * What sanitizers do with what they find, linked into the programs of a sanitized bed
 * (build-sanitized): they write it where the tests look for it (conftest.py).
 */
#include <dlfcn.h>
#include <stddef.h>

#define REPORTS "/dev/shm/phoenix-report"

const char *__asan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__ubsan_default_options(void);

#define WHERE "log_path=" REPORTS ":log_exe_name=1"

/* Limits are not ours to set inside of phoenixd's sandbox. */
const char *__asan_default_options(void)
{
    return WHERE ":disable_coredump=0:strict_string_checks=1:detect_stack_use_after_return=1";
}

/* That something was passed over is no report. */
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

/* What fontconfig keeps until the process ends, and what GnuTLS forgets of a certificate whose key
 * is another one's, just before the collector ends for that. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n"
           "leak:gnutls_x509_crt_init\n"
           "leak:gnutls_subject_alt_names_init\n"
           "leak:libtasn1\n";
}

const char *__ubsan_default_options(void)
{
    return WHERE ":print_stacktrace=1";
}

/* gcc's two run times each keep a path of their own, but set it by a function of the same name: the
 * linker has UBSan set ASan's. */
__attribute__((constructor)) static void set_path_of_ubsan(void)
{
    void *library = dlopen("libubsan.so.1", RTLD_NOLOAD | RTLD_LAZY);
    void (*set_path)(const char *) = NULL;

    if (library)
        *(void **)&set_path = dlsym(library, "__sanitizer_set_report_path");
    if (set_path)
        set_path(REPORTS "-undefined");
}
