/// Ceph's client libraries by their functions' own names, without being linked against them: each name is a jump to a place that is filled when the library is
/// loaded (`CephLibrary`). Every start of a program that is linked against them costs a fiftieth of a second of relocations, and it starts nowhere where they are
/// not installed.
#pragma once

#include "librados_functions.h"
#include "librbd_functions.h"

/// A function of a library's and where its jump leads.
struct ceph_function {
    const char *_Nonnull name;
    void *_Nullable *_Nonnull place;
};

/// All that are called, and how many.
const struct ceph_function *_Nonnull librados_functions(size_t *_Nonnull count);
const struct ceph_function *_Nonnull librbd_functions(size_t *_Nonnull count);
