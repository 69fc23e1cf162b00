# Two commands: `make demo` and `make test`. One debug tree (.build) serves both.
SHELL := /bin/bash
export PATH := $(shell scripts/toolchain-path)

BUILD_PACKAGES := libyaml-dev libpq-dev libcurl4-openssl-dev libssl-dev libcrypt-dev libzstd-dev pkg-config postgresql
TEST_PACKAGES  := restic xfsprogs btrfs-progs zfs-fuse attr acl libcap2-bin strace rclone ceph-mon ceph-osd ceph-common ceph-mds ceph-fuse librados-dev librbd-dev radosgw swift-proxy swift-account swift-container swift-object memcached python3-keystone python3-keystonemiddleware openssh-client openssh-server curl cryptsetup-bin python3-venv
BINARY         := .build/debug/snappy-flow

.PHONY: demo test test-full build packages test-packages format lint clean

demo: build
	scripts/demo

test: test-packages
	scripts/test

# And what takes too long for every change: the program as it is installed, static and optimised; the memory of its every command over repositories
# that were forged to fill it; databases with 30,000 large objects; fuzzing (scripts/fuzz).
test-full: test-packages
	SNAPPY_FLOW_TEST_FULL=1 SNAPPY_FLOW_LARGE_OBJECTS=30000 scripts/test

build: packages
	swift build --product snappy-flow

packages:
	scripts/install-packages $(BUILD_PACKAGES)

test-packages:
	scripts/install-packages $(BUILD_PACKAGES) $(TEST_PACKAGES)

format:
	swift format --in-place --recursive Sources Tests Plugins examples Package.swift

lint:
	swift format lint --strict --recursive Sources Tests Plugins examples Package.swift

clean:
	rm -rf .build .venv-tests
