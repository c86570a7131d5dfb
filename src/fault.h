/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one fault path: from (gpa, access) to an installed stage-2 leaf.
 */
#ifndef LODGE_FAULT_H
#define LODGE_FAULT_H

#include "types.h"

struct lodge_memslot;
struct lodge_vm;
struct lodge_stage2_cache;

/**
 * struct lodge_fault - one guest access that stage 2 did not allow
 * @vm:     the VM
 * @cache:  the vCPU's table cache
 * @gpa:    faulting address, bytes
 * @access: LODGE_ACCESS_* bits
 * @as_id:  address space the vCPU runs in
 * @present: the processor found a leaf, which did not allow the access
 * @slot:   out: the slot found, NULL if none; valid under the caller's SRCU
 * @hva:    out: host address of @gpa's byte, LODGE_INVALID_HVA without a slot
 */
struct lodge_fault {
	struct lodge_vm *vm;
	struct lodge_stage2_cache *cache;
	gpa_t gpa;
	unsigned int access;
	unsigned int as_id;
	bool present;
	struct lodge_memslot *slot;
	hva_t hva;
};

/* What lodge_fault_handle() returns beside a negative errno. */
enum lodge_fault_result {
	LODGE_FAULT_FIXED,	/* installed, or already was: enter again */
	LODGE_FAULT_RETRY,	/* raced with a change, or a signal is pending: enter again */
	LODGE_FAULT_MMIO,	/* no slot: emulate as MMIO */
	LODGE_FAULT_READONLY,	/* write to a read-only slot: emulate as MMIO */
};

/**
 * lodge_fault_handle() - resolve one stage-2 fault
 * @fault: what happened
 *
 * Context: may sleep; caller holds the VM's SRCU read lock and no other lock;
 * the VMM's mm is current->mm.
 * Return: enum lodge_fault_result, or -EFAULT (the VMM's memory is not there or
 * not accessible so), -ENOMEM (no memory for the page or for tables), -EIO
 * (found a bug; the VM is dead). A signal gives LODGE_FAULT_RETRY, and so does
 * a poisoned page, for which SIGBUS was sent: the run loop looks at signals.
 */
int lodge_fault_handle(struct lodge_fault *fault);

#endif
