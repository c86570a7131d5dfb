// SPDX-License-Identifier: GPL-2.0
/*
 * XSAVE images against a plain model and against the real processor: random and
 * hostile images are checked; what the check accepts must go through XRSTOR
 * without a fault and come back from XSAVE as it was.
 *
 * test_xstate_image [seed] [cases]
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/errno.h>

#include "xstate_image.h"

#define BYTES	4096

struct image {
	u8 bytes[BYTES];
} __attribute__((aligned(64)));

static struct lodge_xstate_layout layout;
static u64 host_xcr0;
static u64 rng;
static unsigned int test_no;
static unsigned long failures;
static sigjmp_buf fault;

static u64 random64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	if (failures++ < 10)
		printf("# not so: %s\n", what);
}

static void report(const char *name)
{
	static unsigned long before;

	printf("%s %u - %s\n", failures == before ? "ok" : "not ok", ++test_no, name);
	before = failures;
}

static struct lodge_xstate_legacy *legacy(struct image *image)
{
	return (struct lodge_xstate_legacy *)image->bytes;
}

static void fill_random(struct image *image)
{
	unsigned int i;

	for (i = 0; i < BYTES; i += 8) {
		u64 word = random64();

		memcpy(image->bytes + i, &word, 8);
	}
}

/* Random contents behind a header that is right. */
static void fill_good(struct image *image)
{
	struct lodge_xstate_legacy *l = legacy(image);

	fill_random(image);
	l->xstate_bv &= layout.components;
	l->xcomp_bv = 0;
	memset(l->reserved_528, 0, sizeof(l->reserved_528));
	l->mxcsr &= layout.mxcsr_mask;
}

static void probe_layout(void)
{
	unsigned int i, a, b, c, d;
	struct image fx = { 0 };

	asm volatile("fxsave64 %0" : "=m"(fx));
	layout.mxcsr_mask = legacy(&fx)->mxcsr_mask ?: 0xffbf;
	layout.bytes = BYTES;
	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	host_xcr0 = a | (u64)d << 32;
	layout.components = host_xcr0 & LODGE_XSTATE_KNOWN;
	for (i = 2; i < LODGE_XSTATE_NR; i++) {
		if (!(layout.components & (1ull << i)))
			continue;
		asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0xd), "c"(i));
		layout.part[i].offset = b;
		layout.part[i].bytes = a;
	}
	if (layout.components & LODGE_XSTATE_PKRU)
		return;
	/* The model needs no processor for PKRU: it is only moved in memory. */
	layout.components |= LODGE_XSTATE_PKRU;
	layout.part[9].offset = 2688;
	layout.part[9].bytes = 8;
}

static void on_fault(int sig)
{
	siglongjmp(fault, 1);
}

/* Load and save again without leaving room for the compiler's own use of vector registers. */
static void xrstor_xsave(const struct image *in, struct image *out, struct image *own, u64 mask)
{
	u32 lo = mask, hi = mask >> 32;

	asm volatile("xsave64 %[own]\n\t"
		     "xrstor64 %[in]\n\t"
		     "xsave64 %[out]\n\t"
		     "xrstor64 %[own]"
		     : [own] "+m"(*own), [out] "+m"(*out)
		     : [in] "m"(*in), "a"(lo), "d"(hi)
		     : "memory");
}

static bool processor_takes(const struct image *in, struct image *out)
{
	static struct image own;
	u64 mask = layout.components & host_xcr0 & ~LODGE_XSTATE_PKRU;

	if (sigsetjmp(fault, 1))
		return false;
	memset(out, 0, sizeof(*out));
	xrstor_xsave(in, out, &own, mask);
	return true;
}

static bool same_part(const struct image *a, const struct image *b, unsigned int i)
{
	return !memcmp(a->bytes + layout.part[i].offset, b->bytes + layout.part[i].offset, layout.part[i].bytes);
}

/* FIP, FDP and FOP are not kept by every processor; x87 contents are compared by the registers. */
static void compare_after_load(struct image *in, struct image *out)
{
	struct lodge_xstate_legacy *a = legacy(in), *b = legacy(out);
	unsigned int i;

	expect(a->fcw == b->fcw || (a->xstate_bv & LODGE_XSTATE_FP), "FCW is initial without x87 state");
	expect(a->mxcsr == b->mxcsr, "MXCSR comes back");
	expect(!memcmp(a->xmm, b->xmm, sizeof(a->xmm)), "XMM registers come back");
	for (i = 0; i < 8; i++)
		expect(!memcmp(a->st[i], b->st[i], 10), "x87 registers come back");
	/* Mask registers may be narrower than their slots. */
	for (i = 2; i < LODGE_XSTATE_NR; i++)
		if (i != 5 && i != 9 && (layout.components & host_xcr0 & (1ull << i)))
			expect(same_part(in, out, i), "extended component comes back");
}

static void test_accepted_loads(unsigned long cases)
{
	static struct image from, image, out;
	u32 pkru = 0;

	while (cases--) {
		fill_good(&from);
		expect(!lodge_xstate_image_check(&layout, &from), "a good image is accepted");
		lodge_xstate_image_import(&layout, &image, &from, &pkru);
		if (processor_takes(&image, &out))
			compare_after_load(&image, &out);
		else
			expect(false, "the processor takes an accepted image");
	}
	report("accepted images load, and come back as they were");
}

/* One thing wrong at a time; every bit of every checked field in turn. */
static void expect_refused(struct image *image, const char *what)
{
	expect(lodge_xstate_image_check(&layout, image) == -EINVAL, what);
}

static void test_refusals(void)
{
	static struct image image;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		if (layout.components & (1ull << bit))
			continue;
		fill_good(&image);
		legacy(&image)->xstate_bv |= 1ull << bit;
		expect_refused(&image, "an unknown component is refused");
	}
	for (bit = 0; bit < 64; bit++) {
		fill_good(&image);
		legacy(&image)->xcomp_bv = 1ull << bit;
		expect_refused(&image, "XCOMP_BV is refused");
	}
	for (bit = 0; bit < 48 * 8; bit++) {
		fill_good(&image);
		legacy(&image)->reserved_528[bit / 64] = 1ull << (bit % 64);
		expect_refused(&image, "a reserved byte of the header is refused");
	}
	report("headers that the processor would fault on are refused");
}

static void test_mxcsr(void)
{
	static const u64 users[] = { LODGE_XSTATE_FP, LODGE_XSTATE_SSE, LODGE_XSTATE_YMM };
	static struct image from, image, out;
	unsigned int bit, i;
	u32 pkru;

	for (bit = 0; bit < 32; bit++) {
		if (layout.mxcsr_mask & (1u << bit))
			continue;
		for (i = 0; i < 3; i++) {
			fill_good(&from);
			legacy(&from)->mxcsr |= 1u << bit;
			legacy(&from)->xstate_bv = users[i] & layout.components;
			if (legacy(&from)->xstate_bv)
				expect_refused(&from, "a reserved MXCSR bit is refused");
		}
		legacy(&from)->xstate_bv = 0;
		expect(!lodge_xstate_image_check(&layout, &from), "MXCSR that nobody uses is not looked at");
		lodge_xstate_image_import(&layout, &image, &from, &pkru);
		expect(legacy(&image)->mxcsr == 0x1f80, "... and does not get in");
		expect(processor_takes(&image, &out), "... so the image loads");
	}
	report("MXCSR");
}

static bool part_zero(const struct image *image, unsigned int i)
{
	static const u8 zero[BYTES];

	return !memcmp(image->bytes + layout.part[i].offset, zero, layout.part[i].bytes);
}

/* Import, then export with all components or some: nothing else may show. */
static void test_round_trip(unsigned long cases)
{
	static struct image from, image, to;

	while (cases--) {
		u64 may = random64() | LODGE_XSTATE_LEGACY;
		u32 pkru = 0x55555554, given, seen;
		unsigned int i;
		u64 bv;

		fill_good(&from);
		bv = legacy(&from)->xstate_bv;
		lodge_xstate_image_import(&layout, &image, &from, &pkru);
		memcpy(&given, from.bytes + layout.part[9].offset, 4);
		expect(pkru == (bv & LODGE_XSTATE_PKRU ? given : 0x55555554), "PKRU changes only if it is there");
		expect(!(legacy(&image)->xstate_bv & LODGE_XSTATE_PKRU), "PKRU is not in the vCPU's image");

		memset(&to, 0xa5, sizeof(to));
		lodge_xstate_image_export(&layout, &image, &to, may, pkru);
		expect(!lodge_xstate_image_check(&layout, &to), "an exported image can be imported");
		expect((legacy(&to)->xstate_bv & ~LODGE_XSTATE_PKRU) ==
		       (bv & may & layout.components & ~LODGE_XSTATE_PKRU), "XSTATE_BV");
		for (i = 2; i < LODGE_XSTATE_NR; i++) {
			if (i == 9 || !(layout.components & (1ull << i)))
				continue;
			if (bv & may & (1ull << i))
				expect(same_part(&from, &to, i), "a component keeps its contents");
			else
				expect(part_zero(&to, i), "a component that is not there is zero");
		}
		memcpy(&seen, to.bytes + layout.part[9].offset, 4);
		expect(seen == (may & LODGE_XSTATE_PKRU ? pkru : 0), "PKRU");
	}
	report("import and export");
}

static void test_initial_values(void)
{
	static struct image from, image;
	struct lodge_xstate_legacy *l = legacy(&image);
	static const u8 zero[256];
	u32 pkru;

	fill_good(&from);
	legacy(&from)->xstate_bv = 0;
	fill_random(&image);
	lodge_xstate_image_import(&layout, &image, &from, &pkru);
	expect(l->fcw == 0x37f && !l->fsw && !l->ftw && !l->fop && !l->fip && !l->fdp, "x87 control is initial");
	expect(!memcmp(l->st, zero, sizeof(l->st)), "x87 registers are zero");
	expect(!memcmp(l->xmm, zero, sizeof(l->xmm)), "XMM registers are zero");
	expect(!l->xcomp_bv && !l->xstate_bv, "header is empty");
	report("components in their initial state read as such");
}

static void test_fpu_abi(void)
{
	static struct image from, image, out;
	u32 pkru;

	fill_good(&from);
	legacy(&from)->xstate_bv = 0;
	lodge_xstate_image_import(&layout, &image, &from, &pkru);
	fill_random(&from);
	lodge_xstate_image_set_legacy(&image, legacy(&from));
	expect(legacy(&image)->xstate_bv == LODGE_XSTATE_LEGACY, "x87 and SSE are there now");
	expect(legacy(&image)->mxcsr == 0x1f80, "MXCSR is not touched");
	expect(!memcmp(legacy(&image)->xmm, legacy(&from)->xmm, 256), "XMM registers are taken");
	expect(processor_takes(&image, &out), "any x87 and XMM contents load");
	report("FPU registers without a header");
}

static void test_vectors(void)
{
	static struct image image;
	u8 wide[32], got[32], old[32], zero[32] = { 0 };
	unsigned int n, i;

	for (n = 0; n < LODGE_XSTATE_VECTORS; n++) {
		fill_good(&image);
		for (i = 0; i < 32; i++)
			wide[i] = random64();
		lodge_xstate_image_get_vector(&layout, &image, n, old, 32);
		lodge_xstate_image_set_vector(&layout, &image, n, wide, 16);
		lodge_xstate_image_get_vector(&layout, &image, n, got, 32);
		expect(!memcmp(got, wide, 16) && !memcmp(got + 16, old + 16, 16), "16 bytes leave the rest alone");
		lodge_xstate_image_set_vector(&layout, &image, n, wide, 32);
		lodge_xstate_image_get_vector(&layout, &image, n, got, 32);
		expect(!memcmp(got, wide, layout.components & LODGE_XSTATE_YMM ? 32 : 16), "32 bytes");
		if (layout.components & LODGE_XSTATE_AVX512)
			expect(!memcmp(image.bytes + layout.part[6].offset + n * 32, zero, 32),
			       "32 bytes clear what is above");
		expect((legacy(&image)->xstate_bv & LODGE_XSTATE_SSE), "SSE is in use");
	}
	report("vector registers");
}

/* The rule, said another way: a list of what makes a value wrong. */
static bool model_xcr0(u64 xcr0, u64 supported)
{
	bool fp = xcr0 & 1, sse = xcr0 & 2, avx = xcr0 & 4;
	bool k = xcr0 & 0x20, zh = xcr0 & 0x40, hz = xcr0 & 0x80;

	if (!fp || (avx && !sse) || k != zh || zh != hz || (k && !avx))
		return false;
	return !(xcr0 & ~supported & ~1ull);
}

static void test_xcr0(void)
{
	u64 xcr0, supported;

	for (supported = 0; supported < 0x400; supported++)
		for (xcr0 = 0; xcr0 < 0x800; xcr0++)
			expect(lodge_xstate_image_xcr0_valid(xcr0, supported) == model_xcr0(xcr0, supported), "XCR0");
	expect(!lodge_xstate_image_xcr0_valid(1ull << 63 | 1, 0x2e7), "bit 63");
	report("XCR0 values");
}

int main(int argc, char **argv)
{
	unsigned long cases = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;
	struct sigaction sa = { .sa_handler = on_fault };

	rng = argc > 1 ? strtoul(argv[1], NULL, 0) : (u64)time(NULL);
	rng = rng * 2 + 1;
	printf("# seed %llu, %lu cases\n1..8\n", rng / 2, cases);
	sigaction(SIGSEGV, &sa, NULL);
	probe_layout();

	test_accepted_loads(cases);
	test_refusals();
	test_mxcsr();
	test_round_trip(cases);
	test_initial_values();
	test_fpu_abi();
	test_vectors();
	test_xcr0();
	return failures != 0;
}
