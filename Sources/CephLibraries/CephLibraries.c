#include "CephLibraries.h"

#include <stdio.h>
#include <stdlib.h>

// Each function is defined here as a jump to where its library has it. The header says what it takes, the jump passes it on untouched: nothing has to be said
// twice. Hidden, for the libraries call their own.

static void not_loaded(void) {
    fputs("a function of Ceph's libraries was called before they were loaded\n", stderr);
    abort();
}

#if defined(__x86_64__)
#define JUMP(name) "endbr64\n\tjmp *place_of_" #name "(%rip)\n"
#elif defined(__aarch64__)
// x16 is the procedure call standard's own for this (AAPCS64, 6.1.1).
#define JUMP(name) "bti c\n\tadrp x16, place_of_" #name "\n\tldr x16, [x16, :lo12:place_of_" #name "]\n\tbr x16\n"
#else
#error "expected a processor whose jump is known here: add it above"
#endif

#define FUNCTION(name)                                                                                                     \
    __attribute__((visibility("hidden"), used)) void *place_of_##name = (void *)not_loaded;                                \
    __asm__(".text\n\t.p2align 4\n\t.globl " #name "\n\t.hidden " #name "\n\t.type " #name ", %function\n" #name ":\n\t"    \
            JUMP(name) "\t.size " #name ", . - " #name "\n");
#include "librados.def"
#include "librbd.def"
#undef FUNCTION

#define FUNCTION(name) {#name, &place_of_##name},
static const struct ceph_function librados[] = {
#include "librados.def"
};
static const struct ceph_function librbd[] = {
#include "librbd.def"
};
#undef FUNCTION

const struct ceph_function *librados_functions(size_t *count) {
    *count = sizeof librados / sizeof *librados;
    return librados;
}

const struct ceph_function *librbd_functions(size_t *count) {
    *count = sizeof librbd / sizeof *librbd;
    return librbd;
}
