/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XSAVE images in the standard format, checked and changed in memory. Knows no
 * vCPU and no FPU, so it builds in user space.
 *
 * An accepted image keeps two invariants: the processor loads it without a
 * fault, and a component whose XSTATE_BV bit is clear holds its initial values
 * in memory, so that readers need not look at the bit.
 */
#ifndef LODGE_X86_XSTATE_IMAGE_H
#define LODGE_X86_XSTATE_IMAGE_H

#include <linux/types.h>

/* Components by XCR0 bit. */
#define LODGE_XSTATE_FP		0x001ull
#define LODGE_XSTATE_SSE	0x002ull
#define LODGE_XSTATE_YMM	0x004ull
#define LODGE_XSTATE_AVX512	0x0e0ull
#define LODGE_XSTATE_PKRU	0x200ull
#define LODGE_XSTATE_LEGACY	(LODGE_XSTATE_FP | LODGE_XSTATE_SSE)
#define LODGE_XSTATE_KNOWN	(LODGE_XSTATE_LEGACY | LODGE_XSTATE_YMM | LODGE_XSTATE_AVX512 | LODGE_XSTATE_PKRU)

#define LODGE_XSTATE_NR		10	/* components that can be known */
#define LODGE_XSTATE_EXTENDED	576	/* bytes before the first extended component */
#define LODGE_XSTATE_VECTORS	16	/* vector registers that the FPU ABI and AVX have */

/**
 * struct lodge_xstate_layout - what images look like on this processor
 * @components: those that an image may contain
 * @mxcsr_mask: bits that MXCSR may have
 * @bytes: size of an image
 * @part: place of each extended component (2 and up); from CPUID leaf 0xD
 */
struct lodge_xstate_layout {
	u64 components;
	u32 mxcsr_mask;
	u32 bytes;
	struct {
		u32 offset;
		u32 bytes;
	} part[LODGE_XSTATE_NR];
};

/**
 * struct lodge_xstate_legacy - the FXSAVE area; then the XSAVE header
 */
struct lodge_xstate_legacy {
	u16 fcw;
	u16 fsw;
	u8 ftw;
	u8 reserved_5;
	u16 fop;
	u64 fip;
	u64 fdp;
	u32 mxcsr;
	u32 mxcsr_mask;
	u8 st[8][16];
	u8 xmm[16][16];
	u8 reserved_416[48];
	u8 software[48];
	u64 xstate_bv;
	u64 xcomp_bv;
	u64 reserved_528[6];
};

_Static_assert(sizeof(struct lodge_xstate_legacy) == LODGE_XSTATE_EXTENDED, "the manual's layout");

void lodge_xstate_image_reset(const struct lodge_xstate_layout *layout, void *image);
int lodge_xstate_image_check(const struct lodge_xstate_layout *layout, const void *image);
void lodge_xstate_image_import(const struct lodge_xstate_layout *layout, void *image, const void *from,
			       u32 *pkru);
void lodge_xstate_image_export(const struct lodge_xstate_layout *layout, const void *image, void *to,
			       u64 components, u32 pkru);
void lodge_xstate_image_set_legacy(void *image, const struct lodge_xstate_legacy *from);
void lodge_xstate_image_get_vector(const struct lodge_xstate_layout *layout, const void *image,
				   unsigned int n, void *data, unsigned int bytes);
void lodge_xstate_image_set_vector(const struct lodge_xstate_layout *layout, void *image,
				   unsigned int n, const void *data, unsigned int bytes);
bool lodge_xstate_image_xcr0_valid(u64 xcr0, u64 supported);

#endif
