/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's own page tables, walked in software: KVM_TRANSLATE, instruction fetch, emulation.
 */
#ifndef LODGE_X86_WALK_H
#define LODGE_X86_WALK_H

#include "guest_mem.h"
#include "types.h"

struct lodge_vcpu;

/* Page-fault error code bits. */
#define LODGE_PF_PRESENT	BIT(0)
#define LODGE_PF_WRITE		BIT(1)
#define LODGE_PF_USER		BIT(2)
#define LODGE_PF_RSVD		BIT(3)
#define LODGE_PF_FETCH		BIT(4)
#define LODGE_PF_PK		BIT(5)

/**
 * struct lodge_walk - one translation
 * @gva:    in: linear address
 * @access: in: LODGE_ACCESS_*
 * @user:   in: with CPL 3 rights (and implicit supervisor accesses false)
 * @quiet:  in: set no accessed or dirty bits (KVM_TRANSLATE, debug)
 * @atomic: in: page faults are disabled (inner loop)
 * @gpa:    out
 * @error:  out: #PF error code on LODGE_WALK_FAULT
 * @writable, @user_ok: out: what the mapping permits
 * @view:   out: for reads at @gpa under the same hold of SRCU
 */
struct lodge_walk {
	gva_t gva;
	unsigned int access;
	bool user;
	bool quiet;
	bool atomic;
	gpa_t gpa;
	u32 error;
	bool writable;
	bool user_ok;
	struct lodge_guest_view view;
};

enum lodge_walk_result {
	LODGE_WALK_OK,
	LODGE_WALK_FAULT,	/* guest page fault with @error */
	LODGE_WALK_UNREADABLE,	/* tables cannot be read right now (atomic), or not at all (no memory there) */
};

/* All paging modes: none, 32-bit, PAE, 4 and 5 levels; NX, SMEP, SMAP, PKU, reserved bits. SRCU held. */
enum lodge_walk_result lodge_walk_gva(struct lodge_vcpu *vcpu, struct lodge_walk *walk);

/* Copy guest linear memory. 0; 1 with *cr2, *error for #PF; -EFAULT unreadable. fetch uses EXEC rights. */
int lodge_walk_read(struct lodge_vcpu *vcpu, gva_t gva, void *data, unsigned int len, unsigned int access, bool user, u64 *cr2, u32 *error);

/* KVM_TRANSLATE */
int lodge_walk_translate(struct lodge_vcpu *vcpu, struct kvm_translation *tr);

/* Room for an instruction, in whole words. */
#define LODGE_WALK_FETCH	16

/*
 * Bytes of the instruction at CS:rip, at most 15, without sleeping.
 * Returns the number read (0: cannot be read here, go to the outer loop).
 */
unsigned int lodge_walk_fetch_atomic(struct lodge_vcpu *vcpu, u8 bytes[LODGE_WALK_FETCH]);

#endif
