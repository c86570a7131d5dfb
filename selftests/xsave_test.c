// SPDX-License-Identifier: GPL-2.0
/*
 * Floating point and vector state: round trips, what the guest computes
 * with, isolation, and images that must be refused.
 */
#include "lodge_test.h"

#define XSAVE_BYTES 4096
#define MXCSR 24		/* byte offsets in an image */
#define XMM(n) (160 + 16 * (n))
#define XSTATE_BV 512
#define XCOMP_BV 520
#define HEADER_RESERVED 528
#define YMM_HIGH 576

FIXTURE(xsave) {
	struct lodge_guest guest;
	struct lodge_vcpu *vcpu;
	unsigned char image[XSAVE_BYTES];
};

FIXTURE_SETUP(xsave)
{
	lodge_guest_setup(&self->guest);
	self->vcpu = &self->guest.vcpu;
	lodge_guest_long(self->vcpu, LODGE_GUEST_CODE);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, self->image));
}

FIXTURE_TEARDOWN(xsave)
{
	lodge_guest_teardown(&self->guest);
}

static int set(struct lodge_vcpu *vcpu, void *image)
{
	return lodge_vm_ioctl(vcpu->fd, KVM_SET_XSAVE, image);
}

static void put64(unsigned char *image, int offset, uint64_t value)
{
	memcpy(image + offset, &value, 8);
}

static uint64_t get64(unsigned char *image, int offset)
{
	uint64_t value;

	memcpy(&value, image + offset, 8);
	return value;
}

TEST_F(xsave, reset_image)
{
	uint16_t fcw;
	uint32_t mxcsr;

	memcpy(&fcw, self->image, 2);
	memcpy(&mxcsr, self->image + MXCSR, 4);
	ASSERT_EQ(0x37f, fcw | 0x33f);	/* reset is 0x40, after init 0x37f */
	ASSERT_EQ(0x1f80, mxcsr);
	ASSERT_EQ(0, get64(self->image, XCOMP_BV));
}

TEST_F(xsave, image_makes_the_round_trip)
{
	unsigned char back[XSAVE_BYTES];
	int i;

	put64(self->image, XSTATE_BV, 3);
	for (i = 0; i < 256; i++)
		self->image[XMM(0) + i] = i ^ 0x5a;
	ASSERT_EQ(0, set(self->vcpu, self->image));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, back));
	ASSERT_EQ(0, memcmp(self->image + XMM(0), back + XMM(0), 256));
	ASSERT_EQ(2, get64(back, XSTATE_BV) & 2);
}

TEST_F(xsave, absent_components_are_in_their_initial_state)
{
	unsigned char back[XSAVE_BYTES];
	int i;

	memset(self->image + XMM(0), 0xee, 256);
	put64(self->image, XSTATE_BV, 3);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	put64(self->image, XSTATE_BV, 1);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, back));
	for (i = 0; i < 256; i++) {
		if (get64(back, XSTATE_BV) & 2) {
			ASSERT_EQ(0, back[XMM(0) + i]);
		}
	}
}

#define REFUSED(offset, value)						\
	do {								\
		unsigned char bad_[XSAVE_BYTES], now_[XSAVE_BYTES];	\
		memcpy(bad_, self->image, XSAVE_BYTES);			\
		put64(bad_, offset, value);				\
		ASSERT_EQ(-EINVAL, set(self->vcpu, bad_)) {		\
			TH_LOG("%s = %s", #offset, #value);		\
		}							\
		ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, now_)); \
		ASSERT_EQ(0, memcmp(now_ + XMM(0),			\
				    self->image + XMM(0), 256));	\
	} while (0)

TEST_F(xsave, hostile_images_are_refused)
{
	put64(self->image, XSTATE_BV, 3);
	memset(self->image + XMM(0), 0x11, 256);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	REFUSED(XSTATE_BV, 1ULL << 63);
	REFUSED(XSTATE_BV, 1ULL << 62 | 3);
	REFUSED(XSTATE_BV, 3 | 1 << 8);		/* PT: a supervisor state */
	REFUSED(XSTATE_BV, 3 | 1 << 11);	/* CET: a supervisor state */
	REFUSED(XSTATE_BV, 3 | 1 << 18);	/* tiles without permission */
	REFUSED(XCOMP_BV, 1ULL << 63);
	REFUSED(XCOMP_BV, 1ULL << 63 | 3);
	REFUSED(XCOMP_BV, 2);
	REFUSED(HEADER_RESERVED, 1);
	REFUSED(HEADER_RESERVED + 40, 1ULL << 63);
	REFUSED(MXCSR, 0xffff000000010000 | 0x1f80);
	REFUSED(MXCSR, 0x80001f80);
	ASSERT_EQ(-EFAULT, set(self->vcpu, (void *)8));
}

TEST_F(xsave, random_images_never_hurt_the_host)
{
	unsigned int seed = 7;
	int i, j, taken = 0;

	memcpy(self->guest.vm.mem + LODGE_GUEST_CODE, "\xf4", 1);
	for (i = 0; i < 400; i++) {
		for (j = 0; j < XSAVE_BYTES; j++)
			self->image[j] = rand_r(&seed);
		if (i & 1) {
			memset(self->image + XSTATE_BV, 0, 64);
			put64(self->image, XSTATE_BV, i & 7);
			self->image[MXCSR + 2] = 0;
			self->image[MXCSR + 3] = 0;
		}
		if (set(self->vcpu, self->image))
			continue;
		taken++;
		lodge_guest_set_ip(self->vcpu, LODGE_GUEST_CODE);
		lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	}
	ASSERT_LE(100, taken);
}

LODGE_GUEST64(add_vectors,
	"paddd %xmm0, %xmm1\n"
	"movdqa %xmm1, %xmm15\n"
	"mov %cr4, %rax\n"
	"hlt\n");

TEST_F(xsave, the_guest_computes_with_them)
{
	static const uint32_t a[4] = { 1, 2, 3, 4 }, b[4] = { 10, 20, 30, 40 };
	uint32_t got[4];
	int i;

	put64(self->image, XSTATE_BV, 3);
	memcpy(self->image + XMM(0), a, 16);
	memcpy(self->image + XMM(1), b, 16);
	lodge_guest_start(&self->guest, 64, add_vectors);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, self->image));
	memcpy(got, self->image + XMM(15), 16);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(a[i] + b[i], got[i]);
	}
}

LODGE_GUEST64(vectors_loop,
	"1: paddd %xmm0, %xmm1\n"
	"out %eax, $0xe9\n"
	"jmp 1b\n");

TEST_F(xsave, two_vcpus_and_the_host_keep_their_own)
{
	unsigned char other[XSAVE_BYTES];
	struct lodge_vcpu second;
	uint32_t one[4] = { 1, 1, 1, 1 }, two[4] = { 2, 2, 2, 2 }, got[4];
	uint32_t host[4] = { 0xabcd, 1, 2, 3 }, after[4];
	int i;

	lodge_vcpu_create(&self->guest.vm, &second, 1);
	lodge_guest_start(&self->guest, 64, vectors_loop);
	lodge_guest_long(&second, LODGE_GUEST_CODE);
	put64(self->image, XSTATE_BV, 3);
	memset(self->image + XMM(1), 0, 16);
	memcpy(self->image + XMM(0), one, 16);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	memcpy(self->image + XMM(0), two, 16);
	ASSERT_EQ(0, set(&second, self->image));
	for (i = 0; i < 100; i++) {
		asm volatile("movdqu %0, %%xmm0\n movdqu %0, %%xmm1"
			     : : "m"(host) : "xmm0", "xmm1");
		lodge_vm_ioctl(self->vcpu->fd, KVM_RUN, NULL);
		lodge_vm_ioctl(second.fd, KVM_RUN, NULL);
		asm volatile("movdqu %%xmm1, %0" : "=m"(after));
		ASSERT_EQ(0, memcmp(host, after, 16));
	}
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, self->image));
	ASSERT_EQ(0, ioctl(second.fd, KVM_GET_XSAVE, other));
	memcpy(got, self->image + XMM(1), 16);
	ASSERT_EQ(100, got[0]);
	memcpy(got, other + XMM(1), 16);
	ASSERT_EQ(200, got[3]);
}

static bool offers_avx(struct lodge_vcpu *vcpu)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 7 };

	return !lodge_vm_ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs);
}

LODGE_GUEST64(wide_vectors,
	"mov %cr4, %rax\n or $0x40000, %rax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n mov $7, %eax\n xor %edx, %edx\n xsetbv\n"
	"xgetbv\n mov %eax, %ebx\n"
	"vorps %ymm2, %ymm2, %ymm3\n"
	"hlt\n");

TEST_F(xsave, upper_halves_of_ymm)
{
	struct kvm_xcrs xcrs;
	struct kvm_regs regs;

	if (!offers_avx(self->vcpu))
		SKIP(return, "no AVX in this virtual host");
	lodge_guest_start(&self->guest, 64, wide_vectors);
	put64(self->image, XSTATE_BV, 7);
	memset(self->image + XMM(2), 0x22, 16);
	memset(self->image + YMM_HIGH + 2 * 16, 0x33, 16);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	lodge_vcpu_expect(self->vcpu, KVM_EXIT_HLT);
	lodge_vcpu_get_regs(self->vcpu, &regs);
	ASSERT_EQ(7, regs.rbx);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, self->image));
	ASSERT_EQ(0x2222222222222222, get64(self->image, XMM(3)));
	ASSERT_EQ(0x3333333333333333, get64(self->image, YMM_HIGH + 3 * 16));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XCRS, &xcrs));
	ASSERT_EQ(1, xcrs.nr_xcrs);
	ASSERT_EQ(0, xcrs.xcrs[0].xcr);
	ASSERT_EQ(7, xcrs.xcrs[0].value);
}

LODGE_GUEST64(bad_xcr0,
	"mov %cr4, %rax\n or $0x40000, %rax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n"
	"mov %esi, %eax\n mov %edi, %ecx\n xsetbv\n hlt\n");

TEST_F(xsave, xsetbv_faults_on_illegal_values)
{
	static const uint32_t bad[][2] = {
		{ 0, 0 }, { 2, 0 }, { 5, 0 }, { 0x80000003, 0 }, { 3, 1 },
	};
	struct kvm_regs regs;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		lodge_guest_start(&self->guest, 64, bad_xcr0);
		lodge_vcpu_get_regs(self->vcpu, &regs);
		regs.rsi = bad[i][0];
		regs.rdi = bad[i][1];
		lodge_vcpu_set_regs(self->vcpu, &regs);
		ASSERT_EQ(13, lodge_vcpu_expect_out(self->vcpu,
						    LODGE_GUEST_TRAP_PORT));
	}
}

static int set_xcr0(struct lodge_vcpu *vcpu, uint32_t nr, uint32_t flags,
		    uint32_t which, uint64_t value)
{
	struct kvm_xcrs xcrs = {
		.nr_xcrs = nr, .flags = flags,
		.xcrs[0] = { .xcr = which, .value = value },
	};

	return lodge_vm_ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs);
}

TEST_F(xsave, xcrs_are_checked)
{
	ASSERT_EQ(0, set_xcr0(self->vcpu, 1, 0, 0, 1));
	ASSERT_EQ(0, set_xcr0(self->vcpu, 1, 0, 0, 3));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, 1, 0, 0, 0));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, 1, 0, 0, 2));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, 1, 0, 0, 5));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, 1, 0, 0, 1ULL << 63 | 3));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, 1, 1, 0, 3));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, 17, 0, 0, 3));
	ASSERT_EQ(-EINVAL, set_xcr0(self->vcpu, -1, 0, 0, 3));
	/* An entry for another register is passed over. */
	ASSERT_EQ(0, set_xcr0(self->vcpu, 1, 0, 1, 0));
	ASSERT_EQ(0, set_xcr0(self->vcpu, 0, 0, 0, 0));
}

TEST_F(xsave, legacy_call_carries_the_same_state)
{
	struct kvm_fpu fpu;

	put64(self->image, XSTATE_BV, 3);
	ASSERT_EQ(0, set(self->vcpu, self->image));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_FPU, &fpu));
	fpu.fcw = 0x27f;
	memset(fpu.xmm[7], 0x77, 16);
	memset(fpu.fpr[3], 0x33, 10);
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_SET_FPU, &fpu));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_XSAVE, self->image));
	ASSERT_EQ(0x7f, self->image[0]);
	ASSERT_EQ(0x02, self->image[1]);
	ASSERT_EQ(0x7777777777777777, get64(self->image, XMM(7)));
	ASSERT_EQ(0x3333333333333333, get64(self->image, 32 + 3 * 16));
	memset(&fpu, 0, sizeof(fpu));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_FPU, &fpu));
	ASSERT_EQ(0x27f, fpu.fcw);
	ASSERT_EQ(0x77, fpu.xmm[7][15]);
	ASSERT_EQ(0x33, fpu.fpr[3][9]);
}

TEST_F(xsave, second_form_has_the_advertised_size)
{
	int size = lodge_vm_check(&self->guest.vm, KVM_CAP_XSAVE2);
	unsigned char *page = mmap(NULL, 8192 + XSAVE_BYTES * 16,
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (size <= 0)
		SKIP(return, "KVM_CAP_XSAVE2 is not advertised");
	memset(page, 0xaa, size + 64);
	ASSERT_EQ(0, lodge_vm_ioctl(self->vcpu->fd, KVM_GET_XSAVE2, page));
	ASSERT_EQ(0xaa, page[size]);
	ASSERT_EQ(0xaa, page[size + 63]);
	ASSERT_EQ(0, set(self->vcpu, page));
}

LODGE_TEST_MAIN
