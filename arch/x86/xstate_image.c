// SPDX-License-Identifier: GPL-2.0
/*
 * XSAVE images in memory: what may be loaded, and how user space sees it.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "xstate_image.h"

#define RESET_FCW	0x037f
#define RESET_MXCSR	0x1f80
#define YMM		2
#define PKRU		9

/* Components that use MXCSR. */
#define USES_MXCSR	(LODGE_XSTATE_LEGACY | LODGE_XSTATE_YMM)

static bool all_zero(const void *data, size_t bytes)
{
	const u8 *p = data;
	size_t i;

	for (i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

static void reset_fp(struct lodge_xstate_legacy *legacy)
{
	legacy->fcw = RESET_FCW;
	legacy->fsw = 0;
	legacy->ftw = 0;
	legacy->reserved_5 = 0;
	legacy->fop = 0;
	legacy->fip = 0;
	legacy->fdp = 0;
	memset(legacy->st, 0, sizeof(legacy->st));
}

/**
 * lodge_xstate_image_reset() - every component in its initial state
 * @layout: this processor's layout
 * @image: @layout->bytes to fill
 *
 * Context: any.
 */
void lodge_xstate_image_reset(const struct lodge_xstate_layout *layout, void *image)
{
	struct lodge_xstate_legacy *legacy = image;

	memset(image, 0, layout->bytes);
	reset_fp(legacy);
	legacy->mxcsr = RESET_MXCSR;
	legacy->mxcsr_mask = layout->mxcsr_mask;
}

/**
 * lodge_xstate_image_check() - may this image be imported?
 * @layout: this processor's layout
 * @image: @layout->bytes from an untrusted source, in memory that it cannot change
 *
 * The header must be of the standard format, its reserved bytes zero, its
 * components known; MXCSR must be loadable if a component that uses it is there.
 * Context: any. Return: 0 or -EINVAL.
 */
int lodge_xstate_image_check(const struct lodge_xstate_layout *layout, const void *image)
{
	const struct lodge_xstate_legacy *legacy = image;

	if (legacy->xstate_bv & ~layout->components)
		return -EINVAL;
	if (legacy->xcomp_bv || !all_zero(legacy->reserved_528, sizeof(legacy->reserved_528)))
		return -EINVAL;
	if ((legacy->xstate_bv & USES_MXCSR) && (legacy->mxcsr & ~layout->mxcsr_mask))
		return -EINVAL;
	return 0;
}

static void import_legacy(struct lodge_xstate_legacy *to, const struct lodge_xstate_legacy *from)
{
	u64 components = from->xstate_bv;

	if (components & LODGE_XSTATE_FP) {
		memcpy(to, from, offsetof(struct lodge_xstate_legacy, mxcsr));
		memcpy(to->st, from->st, sizeof(to->st));
	}
	if (components & LODGE_XSTATE_SSE)
		memcpy(to->xmm, from->xmm, sizeof(to->xmm));
	/* The processor loads it whatever XSTATE_BV says. */
	if (components & USES_MXCSR)
		to->mxcsr = from->mxcsr;
	memcpy(to->software, from->software, sizeof(to->software));
}

/**
 * lodge_xstate_image_import() - take over a checked image
 * @layout: this processor's layout
 * @image: the vCPU's image
 * @from: what lodge_xstate_image_check() accepted
 * @pkru: set if @from has it, else left alone, as KVM does
 *
 * PKRU is not part of the vCPU's image: it is switched by itself. Context: any.
 */
void lodge_xstate_image_import(const struct lodge_xstate_layout *layout, void *image, const void *from,
			       u32 *pkru)
{
	const struct lodge_xstate_legacy *header = from;
	struct lodge_xstate_legacy *legacy = image;
	unsigned int i;

	lodge_xstate_image_reset(layout, image);
	import_legacy(legacy, header);
	for (i = YMM; i < LODGE_XSTATE_NR; i++)
		if (i != PKRU && (header->xstate_bv & (1ull << i)))
			memcpy((u8 *)image + layout->part[i].offset, (const u8 *)from + layout->part[i].offset,
			       layout->part[i].bytes);
	legacy->xstate_bv = header->xstate_bv & ~LODGE_XSTATE_PKRU;
	if (header->xstate_bv & LODGE_XSTATE_PKRU)
		memcpy(pkru, (const u8 *)from + layout->part[PKRU].offset, sizeof(*pkru));
}

/**
 * lodge_xstate_image_export() - make the image that user space gets
 * @layout: this processor's layout
 * @image: the vCPU's image
 * @to: @layout->bytes to fill
 * @components: those that the vCPU may have; others are left out
 * @pkru: goes in if @components has it
 *
 * Context: any.
 */
void lodge_xstate_image_export(const struct lodge_xstate_layout *layout, const void *image, void *to,
			       u64 components, u32 pkru)
{
	struct lodge_xstate_legacy *header = to;
	unsigned int i;

	components &= layout->components;
	memset(to, 0, layout->bytes);
	memcpy(to, image, offsetof(struct lodge_xstate_legacy, xcomp_bv));
	header->xstate_bv &= components;
	for (i = YMM; i < LODGE_XSTATE_NR; i++)
		if (i != PKRU && (components & (1ull << i)))
			memcpy((u8 *)to + layout->part[i].offset, (const u8 *)image + layout->part[i].offset,
			       layout->part[i].bytes);
	if (components & LODGE_XSTATE_PKRU) {
		header->xstate_bv |= LODGE_XSTATE_PKRU;
		memcpy((u8 *)to + layout->part[PKRU].offset, &pkru, sizeof(pkru));
	}
}

/**
 * lodge_xstate_image_set_legacy() - x87 and XMM registers from KVM_SET_FPU
 * @image: the vCPU's image
 * @from: registers; MXCSR and the header are not looked at
 *
 * Context: any.
 */
void lodge_xstate_image_set_legacy(void *image, const struct lodge_xstate_legacy *from)
{
	struct lodge_xstate_legacy *legacy = image;

	memcpy(legacy, from, offsetof(struct lodge_xstate_legacy, mxcsr));
	memcpy(legacy->st, from->st, sizeof(legacy->st));
	memcpy(legacy->xmm, from->xmm, sizeof(legacy->xmm));
	legacy->xstate_bv |= LODGE_XSTATE_LEGACY;
}

static u32 ymm_offset(const struct lodge_xstate_layout *layout, unsigned int n)
{
	return layout->part[YMM].offset + n * 16;
}

/**
 * lodge_xstate_image_get_vector() - read a vector register
 * @layout: this processor's layout
 * @image: the vCPU's image
 * @n: number, 0 to 15
 * @data: out
 * @bytes: 16 or 32; the upper half reads as zero without AVX
 *
 * Context: any.
 */
void lodge_xstate_image_get_vector(const struct lodge_xstate_layout *layout, const void *image,
				   unsigned int n, void *data, unsigned int bytes)
{
	const struct lodge_xstate_legacy *legacy = image;

	memset(data, 0, bytes);
	memcpy(data, legacy->xmm[n], 16);
	if (bytes > 16 && (layout->components & LODGE_XSTATE_YMM))
		memcpy((u8 *)data + 16, (const u8 *)image + ymm_offset(layout, n), 16);
}

/* The upper 256 bits of ZMM0-15: any write of 256 bits clears them. */
static void clear_zmm_high(const struct lodge_xstate_layout *layout, void *image, unsigned int n)
{
	enum { ZMM_HIGH = 6 };

	if (layout->components & (1ull << ZMM_HIGH))
		memset((u8 *)image + layout->part[ZMM_HIGH].offset + n * 32, 0, 32);
}

/**
 * lodge_xstate_image_set_vector() - write a vector register
 * @layout: this processor's layout
 * @image: the vCPU's image
 * @n: number, 0 to 15
 * @data: value
 * @bytes: 16: the rest of the register stays; 32: everything above is cleared
 *
 * Context: any.
 */
void lodge_xstate_image_set_vector(const struct lodge_xstate_layout *layout, void *image,
				   unsigned int n, const void *data, unsigned int bytes)
{
	struct lodge_xstate_legacy *legacy = image;

	memcpy(legacy->xmm[n], data, 16);
	legacy->xstate_bv |= LODGE_XSTATE_SSE;
	if (bytes == 16 || !(layout->components & LODGE_XSTATE_YMM))
		return;
	memcpy((u8 *)image + ymm_offset(layout, n), (const u8 *)data + 16, 16);
	legacy->xstate_bv |= LODGE_XSTATE_YMM;
	clear_zmm_high(layout, image, n);
}

/**
 * lodge_xstate_image_xcr0_valid() - may XCR0 have this value?
 * @xcr0: value
 * @supported: components that the guest's CPUID has
 *
 * x87 cannot be turned off, AVX needs SSE, AVX-512 needs AVX and comes whole. Context: any. Return: true if so.
 */
bool lodge_xstate_image_xcr0_valid(u64 xcr0, u64 supported)
{
	u64 avx512 = xcr0 & LODGE_XSTATE_AVX512;

	if (!(xcr0 & LODGE_XSTATE_FP) || (xcr0 & ~(supported | LODGE_XSTATE_FP)))
		return false;
	if ((xcr0 & LODGE_XSTATE_YMM) && !(xcr0 & LODGE_XSTATE_SSE))
		return false;
	return !avx512 || (avx512 == LODGE_XSTATE_AVX512 && (xcr0 & LODGE_XSTATE_YMM));
}
