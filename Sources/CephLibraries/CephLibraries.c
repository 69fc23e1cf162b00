#include "CephLibraries.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// Each function is defined here as a jump to where its library has it. The headers say what it takes, the jump passes it on untouched: nothing has to be said
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
    __attribute__((visibility("hidden"), used)) void (*place_of_##name)(void) = not_loaded;                                \
    __asm__(".text\n\t.p2align 4\n\t.globl " #name "\n\t.hidden " #name "\n\t.type " #name ", %function\n" #name ":\n\t"    \
            JUMP(name) "\t.size " #name ", . - " #name "\n");
#include "librados.def"
#include "librbd.def"
#undef FUNCTION

struct function {
    const char *name;
    void (**place)(void);
};

#define FUNCTION(name) {#name, &place_of_##name},
static const struct function librados[] = {
#include "librados.def"
};
static const struct function librbd[] = {
#include "librbd.def"
};
#undef FUNCTION

static char *load(const char *file, const struct function *functions, size_t count) {
    char *problem = NULL;
    // Never closed: its threads may live as long as the process.
    void *library = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        if (asprintf(&problem, "%s", dlerror()) < 0) abort();
        return problem;
    }
    for (size_t index = 0; index < count; index++) {
        void *found = dlsym(library, functions[index].name);
        if (!found) {
            if (asprintf(&problem, "%s has no %s: it is too old", file, functions[index].name) < 0) abort();
            return problem;
        }
        *(void **)functions[index].place = found;
    }
    return NULL;
}

char *ceph_libraries_load(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int is_loaded = 0;
    pthread_mutex_lock(&lock);
    char *problem = NULL;
    if (!is_loaded) {
        problem = load("librados.so.2", librados, sizeof librados / sizeof *librados);
        if (!problem) problem = load("librbd.so.1", librbd, sizeof librbd / sizeof *librbd);
        is_loaded = problem == NULL;
    }
    pthread_mutex_unlock(&lock);
    return problem;
}
