/// What the functions of librados and librbd take and give, as their headers have it since release 16.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

// Whoever compares the functions has the libraries' own.
#ifndef CEPH_TYPES_ARE_THERE

typedef void *rados_t;
typedef void *rados_ioctx_t;
typedef void *rados_list_ctx_t;
typedef void *rados_object_list_cursor;
typedef void *rados_xattrs_iter_t;
typedef void *rados_omap_iter_t;
typedef void *rados_completion_t;
typedef void *rados_write_op_t;
typedef void *rados_read_op_t;
typedef void *rbd_image_t;
typedef void *rbd_image_options_t;
typedef uint64_t rados_snap_t;
typedef void (*rados_callback_t)(rados_completion_t completion, void *argument);
typedef int (*librbd_progress_fn_t)(uint64_t offset, uint64_t total, void *argument);

#define LIBRADOS_CREATE_EXCLUSIVE 1

typedef struct {
    size_t oid_length;
    char *oid;
    size_t nspace_length;
    char *nspace;
    size_t locator_length;
    char *locator;
} rados_object_list_item;

typedef struct {
    char *id;
    char *name;
} rbd_image_spec_t;

typedef struct {
    uint64_t size;
    uint64_t obj_size;
    uint64_t num_objs;
    int order;
    char block_name_prefix[24];
    int64_t parent_pool;
    char parent_name[96];
} rbd_image_info_t;

typedef struct {
    char *name;
    int64_t pool;
} rbd_group_info_t;

typedef struct {
    uint64_t id;
    uint64_t size;
    const char *name;
} rbd_snap_info_t;

typedef struct {
    int64_t group_pool;
    char *group_name;
    char *group_snap_name;
} rbd_snap_group_namespace_t;

typedef struct {
    char *addr;
    int64_t id;
    uint64_t cookie;
} rbd_image_watcher_t;

typedef enum {
    RBD_SNAP_NAMESPACE_TYPE_USER = 0,
    RBD_SNAP_NAMESPACE_TYPE_GROUP = 1,
} rbd_snap_namespace_type_t;

typedef enum {
    RBD_GROUP_SNAP_STATE_INCOMPLETE = 0,
    RBD_GROUP_SNAP_STATE_COMPLETE = 1,
} rbd_group_snap_state_t;

typedef struct {
    char *name;
    rbd_group_snap_state_t state;
} rbd_group_snap_info_t;

enum {
    RBD_IMAGE_OPTION_FEATURES = 1,
    RBD_IMAGE_OPTION_ORDER = 2,
    RBD_IMAGE_OPTION_STRIPE_UNIT = 3,
    RBD_IMAGE_OPTION_STRIPE_COUNT = 4,
    RBD_IMAGE_OPTION_DATA_POOL = 10,
    RBD_IMAGE_OPTION_CLONE_FORMAT = 12,
};

#endif
