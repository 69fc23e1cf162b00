/// The functions of librbd that are called, as its header declares them since release 16: a test compares the two where that is installed. They are part of this
/// source so that it is compiled whole on every machine; CephLibraries.c defines them.
#pragma once

#include "ceph_types.h"

int rbd_clone3(
    rados_ioctx_t p_ioctx, const char *p_name, const char *p_snapname, rados_ioctx_t c_ioctx, const char *c_name,
    rbd_image_options_t c_opts);
int rbd_close(rbd_image_t image);
int rbd_create4(rados_ioctx_t io, const char *name, uint64_t size, rbd_image_options_t opts);
int rbd_diff_iterate2(
    rbd_image_t image, const char *fromsnapname, uint64_t ofs, uint64_t len, uint8_t include_parent, uint8_t whole_object,
    int (*cb)(uint64_t, size_t, int, void *), void *arg);
int rbd_features_from_string(const char *str_features, uint64_t *features);
int rbd_features_to_string(uint64_t features, char *str_features, size_t *size);
int rbd_flush(rbd_image_t image);
int rbd_get_features(rbd_image_t image, uint64_t *features);
int rbd_get_flags(rbd_image_t image, uint64_t *flags);
int rbd_get_group(rbd_image_t image, rbd_group_info_t *group_info, size_t group_info_size);
int rbd_get_id(rbd_image_t image, char *id, size_t id_len);
int rbd_get_size(rbd_image_t image, uint64_t *size);
int rbd_get_stripe_count(rbd_image_t image, uint64_t *stripe_count);
int rbd_get_stripe_unit(rbd_image_t image, uint64_t *stripe_unit);
int rbd_group_create(rados_ioctx_t p, const char *name);
int rbd_group_image_add(rados_ioctx_t group_p, const char *group_name, rados_ioctx_t image_p, const char *image_name);
int rbd_group_info_cleanup(rbd_group_info_t *group_info, size_t group_info_size);
int rbd_group_remove(rados_ioctx_t p, const char *name);
int rbd_group_snap_create(rados_ioctx_t group_p, const char *group_name, const char *snap_name);
int rbd_group_snap_list(
    rados_ioctx_t group_p, const char *group_name, rbd_group_snap_info_t *snaps, size_t group_snap_info_size, size_t *num_entries);
int rbd_group_snap_list_cleanup(rbd_group_snap_info_t *snaps, size_t group_snap_info_size, size_t num_entries);
int rbd_group_snap_remove(rados_ioctx_t group_p, const char *group_name, const char *snap_name);
void rbd_image_options_create(rbd_image_options_t *opts);
void rbd_image_options_destroy(rbd_image_options_t opts);
int rbd_image_options_set_string(rbd_image_options_t opts, int optname, const char *optval);
int rbd_image_options_set_uint64(rbd_image_options_t opts, int optname, uint64_t optval);
void rbd_image_spec_list_cleanup(rbd_image_spec_t *images, size_t num_images);
int rbd_list2(rados_ioctx_t io, rbd_image_spec_t *images, size_t *max_images);
int rbd_open(rados_ioctx_t io, const char *name, rbd_image_t *image, const char *snap_name);
int rbd_open_read_only(rados_ioctx_t io, const char *name, rbd_image_t *image, const char *snap_name);
ssize_t rbd_read2(rbd_image_t image, uint64_t ofs, size_t len, char *buf, int op_flags);
int rbd_remove_with_progress(rados_ioctx_t io, const char *name, librbd_progress_fn_t cb, void *cbdata);
int rbd_rename(rados_ioctx_t src_io_ctx, const char *srcname, const char *destname);
int rbd_resize2(rbd_image_t image, uint64_t size, bool allow_shrink, librbd_progress_fn_t cb, void *cbdata);
int rbd_snap_create2(rbd_image_t image, const char *snap_name, uint32_t flags, librbd_progress_fn_t cb, void *cbdata);
int rbd_snap_get_group_namespace(rbd_image_t image, uint64_t snap_id, rbd_snap_group_namespace_t *group_snap, size_t group_snap_size);
int rbd_snap_get_namespace_type(rbd_image_t image, uint64_t snap_id, rbd_snap_namespace_type_t *namespace_type);
int rbd_snap_group_namespace_cleanup(rbd_snap_group_namespace_t *group_snap, size_t group_snap_size);
int rbd_snap_is_protected(rbd_image_t image, const char *snap_name, int *is_protected);
int rbd_snap_list(rbd_image_t image, rbd_snap_info_t *snaps, int *max_snaps);
void rbd_snap_list_end(rbd_snap_info_t *snaps);
int rbd_snap_protect(rbd_image_t image, const char *snap_name);
int rbd_snap_remove2(rbd_image_t image, const char *snap_name, uint32_t flags, librbd_progress_fn_t cb, void *cbdata);
int rbd_snap_set_by_id(rbd_image_t image, uint64_t snap_id);
int rbd_snap_unprotect(rbd_image_t image, const char *snap_name);
int rbd_stat(rbd_image_t image, rbd_image_info_t *info, size_t infosize);
int rbd_watchers_list(rbd_image_t image, rbd_image_watcher_t *watchers, size_t *max_watchers);
void rbd_watchers_list_cleanup(rbd_image_watcher_t *watchers, size_t num_watchers);
ssize_t rbd_write2(rbd_image_t image, uint64_t ofs, size_t len, const char *buf, int op_flags);
ssize_t rbd_write_zeroes(rbd_image_t image, uint64_t ofs, size_t len, int zero_flags, int op_flags);
