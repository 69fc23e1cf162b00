/// The functions of librados that are called, as its header declares them since release 16: a test compares the two where that is installed. They are part of this
/// source so that it is compiled whole on every machine; CephLibraries.c defines them.
#pragma once

#include "ceph_types.h"

int rados_aio_create_completion2(void *cb_arg, rados_callback_t cb_complete, rados_completion_t *pc);
int rados_aio_get_return_value(rados_completion_t c);
uint64_t rados_aio_get_version(rados_completion_t c);
int rados_aio_read_op_operate(rados_read_op_t read_op, rados_ioctx_t io, rados_completion_t completion, const char *oid, int flags);
void rados_aio_release(rados_completion_t c);
int rados_aio_wait_for_complete(rados_completion_t c);
void rados_buffer_free(char *buf);
int rados_cluster_fsid(rados_t cluster, char *buf, size_t len);
int rados_conf_read_file(rados_t cluster, const char *path);
int rados_conf_set(rados_t cluster, const char *option, const char *value);
int rados_connect(rados_t cluster);
int rados_create2(rados_t *pcluster, const char *const clustername, const char *const name, uint64_t flags);
rados_read_op_t rados_create_read_op(void);
rados_write_op_t rados_create_write_op(void);
int rados_exec(
    rados_ioctx_t io, const char *oid, const char *cls, const char *method, const char *in_buf, size_t in_len, char *buf, size_t out_len);
int rados_getxattr(rados_ioctx_t io, const char *o, const char *name, char *buf, size_t len);
void rados_getxattrs_end(rados_xattrs_iter_t iter);
int rados_getxattrs_next(rados_xattrs_iter_t iter, const char **name, const char **val, size_t *len);
int rados_ioctx_create(rados_t cluster, const char *pool_name, rados_ioctx_t *ioctx);
int rados_ioctx_create2(rados_t cluster, int64_t pool_id, rados_ioctx_t *ioctx);
void rados_ioctx_destroy(rados_ioctx_t io);
int64_t rados_ioctx_get_id(rados_ioctx_t io);
void rados_ioctx_locator_set_key(rados_ioctx_t io, const char *key);
int rados_ioctx_pool_requires_alignment2(rados_ioctx_t io, int *req);
void rados_ioctx_set_namespace(rados_ioctx_t io, const char *nspace);
int rados_ioctx_snap_create(rados_ioctx_t io, const char *snapname);
int rados_ioctx_snap_get_name(rados_ioctx_t io, rados_snap_t id, char *name, int maxlen);
int rados_ioctx_snap_list(rados_ioctx_t io, rados_snap_t *snaps, int maxlen);
int rados_ioctx_snap_lookup(rados_ioctx_t io, const char *name, rados_snap_t *id);
int rados_ioctx_snap_remove(rados_ioctx_t io, const char *snapname);
void rados_ioctx_snap_set_read(rados_ioctx_t io, rados_snap_t snap);
int rados_mon_command(
    rados_t cluster, const char **cmd, size_t cmdlen, const char *inbuf, size_t inbuflen, char **outbuf, size_t *outbuflen, char **outs,
    size_t *outslen);
void rados_nobjects_list_close(rados_list_ctx_t ctx);
int rados_nobjects_list_next(rados_list_ctx_t ctx, const char **entry, const char **key, const char **nspace);
int rados_nobjects_list_next2(
    rados_list_ctx_t ctx, const char **entry, const char **key, const char **nspace, size_t *entry_size, size_t *key_size,
    size_t *nspace_size);
int rados_nobjects_list_open(rados_ioctx_t io, rados_list_ctx_t *ctx);
int rados_object_list(
    rados_ioctx_t io, const rados_object_list_cursor start, const rados_object_list_cursor finish, const size_t result_size,
    const char *filter_buf, const size_t filter_buf_len, rados_object_list_item *results, rados_object_list_cursor *next);
rados_object_list_cursor rados_object_list_begin(rados_ioctx_t io);
void rados_object_list_cursor_free(rados_ioctx_t io, rados_object_list_cursor cur);
rados_object_list_cursor rados_object_list_end(rados_ioctx_t io);
void rados_object_list_free(const size_t result_size, rados_object_list_item *results);
void rados_object_list_slice(
    rados_ioctx_t io, const rados_object_list_cursor start, const rados_object_list_cursor finish, const size_t n, const size_t m,
    rados_object_list_cursor *split_start, rados_object_list_cursor *split_finish);
void rados_omap_get_end(rados_omap_iter_t iter);
int rados_omap_get_next2(rados_omap_iter_t iter, char **key, char **val, size_t *key_len, size_t *val_len);
unsigned int rados_omap_iter_size(rados_omap_iter_t iter);
int rados_pool_create(rados_t cluster, const char *pool_name);
int rados_pool_list(rados_t cluster, char *buf, size_t len);
int64_t rados_pool_lookup(rados_t cluster, const char *pool_name);
int rados_read(rados_ioctx_t io, const char *oid, char *buf, size_t len, uint64_t off);
void rados_read_op_getxattrs(rados_read_op_t read_op, rados_xattrs_iter_t *iter, int *prval);
void rados_read_op_omap_get_vals2(
    rados_read_op_t read_op, const char *start_after, const char *filter_prefix, uint64_t max_return, rados_omap_iter_t *iter,
    unsigned char *pmore, int *prval);
int rados_read_op_operate(rados_read_op_t read_op, rados_ioctx_t io, const char *oid, int flags);
void rados_read_op_stat(rados_read_op_t read_op, uint64_t *psize, time_t *pmtime, int *prval);
void rados_release_read_op(rados_read_op_t read_op);
void rados_release_write_op(rados_write_op_t write_op);
int rados_remove(rados_ioctx_t io, const char *oid);
void rados_set_pool_full_try(rados_ioctx_t io);
void rados_shutdown(rados_t cluster);
int rados_stat(rados_ioctx_t io, const char *o, uint64_t *psize, time_t *pmtime);
int rados_wait_for_latest_osdmap(rados_t cluster);
int rados_write(rados_ioctx_t io, const char *oid, const char *buf, size_t len, uint64_t off);
void rados_write_op_create(rados_write_op_t write_op, int exclusive, const char *category);
void rados_write_op_omap_clear(rados_write_op_t write_op);
void rados_write_op_omap_set2(
    rados_write_op_t write_op, const char *const *keys, const char *const *vals, const size_t *key_lens, const size_t *val_lens,
    size_t num);
int rados_write_op_operate(rados_write_op_t write_op, rados_ioctx_t io, const char *oid, time_t *mtime, int flags);
int rados_write_op_operate2(rados_write_op_t write_op, rados_ioctx_t io, const char *oid, struct timespec *mtime, int flags);
void rados_write_op_rmxattr(rados_write_op_t write_op, const char *name);
void rados_write_op_setxattr(rados_write_op_t write_op, const char *name, const char *value, size_t value_len);
void rados_write_op_truncate(rados_write_op_t write_op, uint64_t offset);
void rados_write_op_write_full(rados_write_op_t write_op, const char *buffer, size_t len);
