/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contract, VM: what an architecture adds to the VM object and its files.
 */
#ifndef LODGE_ARCH_VM_H
#define LODGE_ARCH_VM_H

#include <linux/kvm.h>
#include <linux/types.h>
#include "types.h"

struct file;
struct lodge_memslot;
struct lodge_vm;

/* Context of all: process, may sleep. */

/* -EINVAL for a type that the architecture does not have. Pair: lodge_arch_vm_destroy(), also after a later failure. */
int lodge_arch_vm_init(struct lodge_vm *vm, unsigned long type);
/* All vCPUs are gone, slots still exist. */
void lodge_arch_vm_destroy(struct lodge_vm *vm);

/* ioctls on the system, VM file that the core does not know. Unknown: what KVM answers there (x86: -EINVAL, -ENOTTY). */
long lodge_arch_dev_ioctl(unsigned int ioctl, unsigned long arg);
long lodge_arch_vm_ioctl(struct lodge_vm *vm, unsigned int ioctl, unsigned long arg);
/* 32-bit forms that differ; -ENOIOCTLCMD: use the 64-bit form. */
long lodge_arch_vm_compat_ioctl(struct lodge_vm *vm, unsigned int ioctl, unsigned long arg);

/* KVM_CHECK_EXTENSION for what the core does not answer; 0 for unknown. @vm NULL on the system file. */
int lodge_arch_check_extension(struct lodge_vm *vm, long cap);
/* KVM_ENABLE_CAP on a VM; -EINVAL for unknown. */
int lodge_arch_vm_enable_cap(struct lodge_vm *vm, const struct kvm_enable_cap *cap);

/* Bytes of the vCPU mapping before the dirty ring, and the ring pages' offsets in it. */
#define LODGE_RUN_PAGE_OFFSET	0

#endif
