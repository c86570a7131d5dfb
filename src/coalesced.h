/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Coalesced MMIO and PIO: writes that user space need not see at once are
 * collected in a ring that it maps.
 */
#ifndef LODGE_COALESCED_H
#define LODGE_COALESCED_H

struct kvm_coalesced_mmio_zone;
struct lodge_vm;

int lodge_coalesced_register(struct lodge_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
int lodge_coalesced_unregister(struct lodge_vm *vm, const struct kvm_coalesced_mmio_zone *zone);

#endif
