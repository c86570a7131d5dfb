/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ioeventfd: a guest's write to an address signals an eventfd.
 */
#ifndef LODGE_IOEVENTFD_H
#define LODGE_IOEVENTFD_H

struct kvm_ioeventfd;
struct lodge_vm;

int lodge_ioeventfd_set(struct lodge_vm *vm, const struct kvm_ioeventfd *args);

#endif
