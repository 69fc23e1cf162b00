#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/mman.h>

// Memory of libcrypto's own: only scrypt asks for as much as this at once.
static void *large_pages_malloc(size_t count, const char *file, int line) {
    const size_t page = 2 << 20;
    void *memory = NULL;
    (void)file;
    (void)line;
    if (count < 4 * page) return malloc(count);
    if (posix_memalign(&memory, page, count) != 0) return NULL;
    madvise(memory, count, MADV_HUGEPAGE);
    return memory;
}

static void *large_pages_realloc(void *memory, size_t count, const char *file, int line) {
    (void)file;
    (void)line;
    return realloc(memory, count);
}

static void large_pages_free(void *memory, const char *file, int line) {
    (void)file;
    (void)line;
    free(memory);
}

// Nothing is cleaned up when the program ends: threads may still be in libcrypto then. For before its first use.
static inline int no_cleanup_by_libcrypto(void) { return OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL); }

// 0 when libcrypto has asked for memory already.
static inline int large_pages_for_libcrypto(void) {
    return CRYPTO_set_mem_functions(large_pages_malloc, large_pages_realloc, large_pages_free);
}
