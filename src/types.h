/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LODGE_TYPES_H
#define LODGE_TYPES_H

#include <linux/bits.h>
#include <linux/types.h>

/*
 * Addresses carry their space in their type name. They are plain integers
 * because the KVM ABI hands them over as such.
 */
typedef u64 gpa_t;		/* guest physical address, bytes */
typedef u64 gfn_t;		/* guest frame number, host pages */
typedef unsigned long gva_t;	/* guest linear address */
typedef unsigned long hva_t;	/* address in the VMM's address space */
typedef u64 hpa_t;		/* host physical address, bytes */

/* No guest physical or host virtual address. */
#define LODGE_INVALID_GPA	(~(gpa_t)0)
#define LODGE_INVALID_HVA	(~(hva_t)0)

/* What one access does; or-ed together. */
#define LODGE_ACCESS_READ	BIT(0)
#define LODGE_ACCESS_WRITE	BIT(1)
#define LODGE_ACCESS_EXEC	BIT(2)

/*
 * What a handler tells the run loop. Negative values are errnos and end
 * KVM_RUN with that error.
 */
#define LODGE_EXIT_TO_USER	0	/* kvm_run is filled in */
#define LODGE_RESUME_GUEST	1

#endif
