/// Ceph's client libraries, loaded when a cluster is first asked for anything: every start of a program that is linked against them costs a fiftieth of a
/// second of relocations, and it starts nowhere where they are not installed.
#pragma once

/// Loads librados and librbd, once. NULL, or what is wrong, to be freed by the caller. May be called from several threads. Before it has succeeded no
/// function of theirs may be called.
char *ceph_libraries_load(void);
