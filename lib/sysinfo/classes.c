/* SPDX-License-Identifier: MIT */

/* Rules held against command lines. A command line is words with blanks in between: what an
 * argument's own blanks were is not told by /proc/PID/cmdline as the module shows it. */

#include <fnmatch.h>

#include "sysinfo/classes.h"

const SysinfoRule sysinfo_stress_rules[] = {
    {"cpu", "stress", "--cpu"},
    {"ram", "stress", "--vm"},
    {"io", "stress", "--io"},
    {"disk", "stress", "--hdd"},
};
const size_t sysinfo_n_stress_rules = ELEMENTSOF(sysinfo_stress_rules);

#define WORD_MAX 256U

typedef struct Word {
    const char *s;
    size_t n;
} Word;

/* The next word, which is taken off the text; one without characters at the end. */
static Word next_word(const char **s)
{
    Word word;

    *s += strspn(*s, " ");
    word = (Word){*s, strcspn(*s, " ")};
    *s += word.n;
    return word;
}

static bool matches(const char *pattern, const char *s, size_t n)
{
    char word[WORD_MAX];

    if (n >= sizeof(word))
        return false;
    memcpy(word, s, n);
    word[n] = '\0';
    return fnmatch(pattern, word, 0) == 0;
}

/* "--cpu=2" is "--cpu" with its value, as getopt_long(3) has it. */
static bool word_matches(Word pattern, Word word)
{
    char glob[WORD_MAX];
    const char *value = word.n > 2 && word.s[0] == '-' ? memchr(word.s, '=', word.n) : NULL;

    if (pattern.n >= sizeof(glob))
        return false;
    memcpy(glob, pattern.s, pattern.n);
    glob[pattern.n] = '\0';
    return matches(glob, word.s, word.n) ||
           (value && matches(glob, word.s, (size_t)(value - word.s)));
}

/* Whether the words of the pattern are the next ones. */
static bool follows(const char *patterns, const char *words)
{
    for (Word pattern = next_word(&patterns); pattern.n > 0; pattern = next_word(&patterns)) {
        Word word = next_word(&words);

        if (word.n == 0 || !word_matches(pattern, word))
            return false;
    }
    return true;
}

static bool args_match(const char *patterns, const char *cmdline)
{
    if (!patterns || follows(patterns, ""))
        return true;
    for ((void)next_word(&cmdline); *cmdline; (void)next_word(&cmdline))
        if (follows(patterns, cmdline))
            return true;
    return false;
}

static bool command_matches(const char *pattern, const SysinfoContainer *container)
{
    const char *cmdline = container->cmdline, *slash;
    Word word = next_word(&cmdline);

    if (!pattern || fnmatch(pattern, container->name, 0) == 0)
        return true;
    slash = memrchr(word.s, '/', word.n);
    if (slash) {
        word.n -= (size_t)(slash + 1 - word.s);
        word.s = slash + 1;
    }
    return matches(pattern, word.s, word.n);
}

const char *sysinfo_classify(const SysinfoRule *rules, size_t n, const SysinfoContainer *container)
{
    if (container->missing & SYSINFO_MISSING_PROCESS)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (command_matches(rules[i].command, container) &&
            args_match(rules[i].args, container->cmdline))
            return rules[i].name;
    return NULL;
}
