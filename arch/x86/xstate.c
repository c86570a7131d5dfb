// SPDX-License-Identifier: GPL-2.0
/*
 * Guest FPU and extended state in registers, and KVM's ioctls for it.
 *
 * The bracket kernel_fpu_begin_mask(0) ... kernel_fpu_end() saves what user
 * space had and keeps everybody else off the registers; in between they are
 * loaded and saved here, from and to the vCPU's image. That image passed
 * xstate_image.c or came from XSAVE; should the processor refuse it all the
 * same, the VM ends, not the host.
 *
 * XCR0 and IA32_XSS are the host's while the image moves, and the guest's in
 * between. PKRU guards the host's own user accesses, so it is the guest's only
 * from just before an entry to just after the exit.
 */
#include <linux/bug.h>
#include <linux/cache.h>
#include <linux/kvm.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include "compat.h"
#include "cpuid.h"
#include "regs.h"
#include "vcpu.h"
#include "vm.h"
#include "xstate.h"
#include "xstate_image.h"

#define XCR0			0
#define CPUID_XSTATE		0xd
/* A processor that does not say which MXCSR bits it has has these. */
#define DEFAULT_MXCSR_MASK	0xffbf
/* struct kvm_xsave is never smaller. */
#define MIN_BYTES		4096

static struct lodge_xstate_layout layout __ro_after_init;

static u64 components_in_registers(void)
{
	return layout.components & ~LODGE_XSTATE_PKRU;
}

static u32 read_mxcsr_mask(void)
{
	struct lodge_xstate_legacy area __aligned(16) = {};

	asm volatile("fxsave64 %0" : "=m"(area));
	return area.mxcsr_mask ?: DEFAULT_MXCSR_MASK;
}

static void read_part(unsigned int i)
{
	u32 eax, ebx, ecx, edx;

	cpuid_count(CPUID_XSTATE, i, &eax, &ebx, &ecx, &edx);
	layout.part[i].offset = ebx;
	layout.part[i].bytes = eax;
	layout.bytes = max(layout.bytes, eax + ebx);
}

/**
 * lodge_xstate_host_init() - learn what images look like on this processor
 *
 * Context: module init, after lodge_cpuid_init().
 */
void lodge_xstate_host_init(void)
{
	unsigned int i;

	layout.bytes = MIN_BYTES;
	layout.mxcsr_mask = read_mxcsr_mask();
	layout.components = LODGE_XSTATE_LEGACY;
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	layout.components |= lodge_cpuid_xcr0_supported() & LODGE_XSTATE_KNOWN;
	for (i = 2; i < LODGE_XSTATE_NR; i++)
		if (layout.components & BIT_ULL(i))
			read_part(i);
}

/**
 * lodge_xstate_size() - bytes that KVM_GET_XSAVE2 hands out
 *
 * Context: any, after module init. Return: at least 4096.
 */
unsigned int lodge_xstate_size(void)
{
	return layout.bytes;
}

/**
 * lodge_xstate_init() - allocate a vCPU's image
 * @vcpu: the vCPU
 *
 * Context: may sleep. Pair: lodge_xstate_free(). Return: 0 or -ENOMEM.
 */
int lodge_xstate_init(struct lodge_vcpu *vcpu)
{
	/* A page or more, so it has the 64-byte alignment that XSAVE wants. */
	vcpu->arch.xstate = kzalloc(roundup_pow_of_two(layout.bytes), GFP_KERNEL_ACCOUNT);
	if (!vcpu->arch.xstate)
		return -ENOMEM;
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		vcpu->arch.host_xcr0 = xgetbv(XCR0);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrq(MSR_IA32_XSS, vcpu->arch.host_xss);
	lodge_xstate_reset(vcpu);
	return 0;
}

/**
 * lodge_xstate_free() - give the image back
 * @vcpu: the vCPU; it never runs again
 *
 * Context: any.
 */
void lodge_xstate_free(struct lodge_vcpu *vcpu)
{
	kfree(vcpu->arch.xstate);
	vcpu->arch.xstate = NULL;
}

/**
 * lodge_xstate_reset() - everything as after a reset
 * @vcpu: the vCPU
 *
 * Context: vcpu->mutex, or nobody else knows the vCPU yet; FPU not live.
 */
void lodge_xstate_reset(struct lodge_vcpu *vcpu)
{
	lodge_xstate_image_reset(&layout, vcpu->arch.xstate);
	vcpu->arch.xcr0 = LODGE_XSTATE_FP;
	vcpu->arch.xss = 0;
	vcpu->arch.pkru = 0;
}

/*
 * Some processors load and save the x87 pointers only if an exception is
 * pending; the guest would find the last user's there.
 */
static void forget_fpu_pointers(void)
{
	if (boot_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fninit");
}

static bool load_image(const void *image)
{
	u64 mask = components_in_registers();

	forget_fpu_pointers();
	if (boot_cpu_has(X86_FEATURE_XSAVE))
		asm goto("1: xrstor64 (%0)\n\t"
			 _ASM_EXTABLE(1b, %l[refused])
			 : : "r"(image), "a"((u32)mask), "d"((u32)(mask >> 32)) : "memory" : refused);
	else
		asm goto("1: fxrstor64 (%0)\n\t"
			 _ASM_EXTABLE(1b, %l[refused])
			 : : "r"(image) : "memory" : refused);
	return true;
refused:
	return false;
}

static bool save_image(void *image)
{
	u64 mask = components_in_registers();
	struct lodge_xstate_legacy *legacy = image;

	if (boot_cpu_has(X86_FEATURE_XSAVE)) {
		asm goto("1: xsave64 (%0)\n\t"
			 _ASM_EXTABLE(1b, %l[refused])
			 : : "r"(image), "a"((u32)mask), "d"((u32)(mask >> 32)) : "memory" : refused);
	} else {
		asm goto("1: fxsave64 (%0)\n\t"
			 _ASM_EXTABLE(1b, %l[refused])
			 : : "r"(image) : "memory" : refused);
		legacy->xstate_bv = LODGE_XSTATE_LEGACY;
	}
	return true;
refused:
	return false;
}

static void load_controls(struct lodge_vcpu *vcpu)
{
	if (vcpu->arch.xcr0 != vcpu->arch.host_xcr0 && vcpu->arch.host_xcr0)
		xsetbv(XCR0, vcpu->arch.xcr0);
	if (vcpu->arch.xss != vcpu->arch.host_xss)
		wrmsrq(MSR_IA32_XSS, vcpu->arch.xss);
}

static void unload_controls(struct lodge_vcpu *vcpu)
{
	if (vcpu->arch.xcr0 != vcpu->arch.host_xcr0 && vcpu->arch.host_xcr0)
		xsetbv(XCR0, vcpu->arch.host_xcr0);
	if (vcpu->arch.xss != vcpu->arch.host_xss)
		wrmsrq(MSR_IA32_XSS, vcpu->arch.host_xss);
}

/**
 * lodge_xstate_load() - guest FPU in
 * @vcpu: the vCPU
 *
 * Context: interrupts and bottom halves off. Pair: lodge_xstate_save(), in the same state.
 * Return: false if the processor refused the image; the vCPU must not be entered.
 */
bool lodge_xstate_load(struct lodge_vcpu *vcpu)
{
	kernel_fpu_begin_mask(0);
	if (!load_image(vcpu->arch.xstate)) {
		kernel_fpu_end();
		return false;
	}
	load_controls(vcpu);
	vcpu->arch.fpu_live = true;
	vcpu->stats.fpu_reload++;
	return true;
}

/**
 * lodge_xstate_save() - guest FPU out
 * @vcpu: the vCPU
 *
 * No effect if lodge_xstate_load() failed. Context: interrupts and bottom halves off.
 */
void lodge_xstate_save(struct lodge_vcpu *vcpu)
{
	if (!vcpu->arch.fpu_live)
		return;
	unload_controls(vcpu);
	if (!save_image(vcpu->arch.xstate))
		lodge_vm_kill(vcpu->vm, "the processor cannot save the FPU");
	vcpu->arch.fpu_live = false;
	kernel_fpu_end();
}

/* Without CR4.PKE the guest still reaches PKRU through XRSTOR if XCR0 has it. */
static bool guest_has_pkru(struct lodge_vcpu *vcpu)
{
	return boot_cpu_has(X86_FEATURE_OSPKE) &&
	       ((vcpu->arch.xcr0 & LODGE_XSTATE_PKRU) || (lodge_x86_save(vcpu)->cr4 & X86_CR4_PKE));
}

/**
 * lodge_xstate_enter() - guest PKRU in
 * @vcpu: the vCPU
 *
 * Context: interrupts off, just before entry.
 */
void lodge_xstate_enter(struct lodge_vcpu *vcpu)
{
	if (!guest_has_pkru(vcpu))
		return;
	vcpu->arch.host_pkru = rdpkru();
	if (vcpu->arch.pkru != vcpu->arch.host_pkru)
		wrpkru(vcpu->arch.pkru);
}

/**
 * lodge_xstate_leave() - guest PKRU out
 * @vcpu: the vCPU
 *
 * Context: interrupts off, just after exit.
 */
void lodge_xstate_leave(struct lodge_vcpu *vcpu)
{
	if (!guest_has_pkru(vcpu))
		return;
	vcpu->arch.pkru = rdpkru();
	if (vcpu->arch.pkru != vcpu->arch.host_pkru)
		wrpkru(vcpu->arch.host_pkru);
}

static int set_xcr(struct lodge_vcpu *vcpu, u32 index, u64 value)
{
	if (index != XCR0 || !lodge_xstate_image_xcr0_valid(value, vcpu->arch.guest_xcr0_supported))
		return 1;
	/* Both sides of the switch compare against it, so hardware follows at once. */
	if (vcpu->arch.fpu_live)
		xsetbv(XCR0, value);
	vcpu->arch.xcr0 = value;
	return 0;
}

/**
 * lodge_xstate_set_xcr0() - the guest executes XSETBV
 * @vcpu: the vCPU
 * @index: number of the register; there is only 0
 * @xcr0: value
 *
 * Context: vcpu->mutex; FPU live or not. Return: 0; 1: #GP(0) is due, nothing changed.
 */
int lodge_xstate_set_xcr0(struct lodge_vcpu *vcpu, u32 index, u64 xcr0)
{
	if (lodge_x86_cpl(vcpu))
		return 1;
	return set_xcr(vcpu, index, xcr0);
}

/**
 * lodge_xstate_get_vector() - read a vector register, for the emulator
 * @vcpu: the vCPU
 * @n: number, 0 to 15
 * @data: out
 * @bytes: 16 or 32
 *
 * Context: vcpu->mutex, FPU not live.
 */
void lodge_xstate_get_vector(struct lodge_vcpu *vcpu, unsigned int n, void *data, unsigned int bytes)
{
	WARN_ON_ONCE(vcpu->arch.fpu_live);
	lodge_xstate_image_get_vector(&layout, vcpu->arch.xstate, n, data, bytes);
}

/**
 * lodge_xstate_set_vector() - write a vector register, for the emulator
 * @vcpu: the vCPU
 * @n: number, 0 to 15
 * @data: value
 * @bytes: 16: the rest of the register stays; 32: all above is cleared
 *
 * Context: vcpu->mutex, FPU not live.
 */
void lodge_xstate_set_vector(struct lodge_vcpu *vcpu, unsigned int n, const void *data, unsigned int bytes)
{
	WARN_ON_ONCE(vcpu->arch.fpu_live);
	lodge_xstate_image_set_vector(&layout, vcpu->arch.xstate, n, data, bytes);
}

static long get_fpu(struct lodge_vcpu *vcpu, void __user *argp)
{
	const struct lodge_xstate_legacy *legacy = vcpu->arch.xstate;
	struct kvm_fpu fpu = {
		.fcw = legacy->fcw,
		.fsw = legacy->fsw,
		.ftwx = legacy->ftw,
		.last_opcode = legacy->fop,
		.last_ip = legacy->fip,
		.last_dp = legacy->fdp,
		.mxcsr = legacy->mxcsr,
	};

	memcpy(fpu.fpr, legacy->st, sizeof(fpu.fpr));
	memcpy(fpu.xmm, legacy->xmm, sizeof(fpu.xmm));
	return copy_to_user(argp, &fpu, sizeof(fpu)) ? -EFAULT : 0;
}

/* MXCSR is not taken, as in KVM: clients leave anything in that field. */
static long set_fpu(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct lodge_xstate_legacy legacy = {};
	struct kvm_fpu fpu;

	if (copy_from_user(&fpu, argp, sizeof(fpu)))
		return -EFAULT;
	legacy.fcw = fpu.fcw;
	legacy.fsw = fpu.fsw;
	legacy.ftw = fpu.ftwx;
	legacy.fop = fpu.last_opcode;
	legacy.fip = fpu.last_ip;
	legacy.fdp = fpu.last_dp;
	memcpy(legacy.st, fpu.fpr, sizeof(legacy.st));
	memcpy(legacy.xmm, fpu.xmm, sizeof(legacy.xmm));
	lodge_xstate_image_set_legacy(vcpu->arch.xstate, &legacy);
	return 0;
}

static long get_xsave(struct lodge_vcpu *vcpu, void __user *argp, unsigned int bytes)
{
	u64 components = vcpu->arch.guest_xcr0_supported | LODGE_XSTATE_LEGACY;
	void *image;
	long r = 0;

	/* The old ioctl's size is fixed. */
	if (bytes < layout.bytes)
		return -EINVAL;
	image = kzalloc(layout.bytes, GFP_KERNEL_ACCOUNT);
	if (!image)
		return -ENOMEM;
	lodge_xstate_image_export(&layout, vcpu->arch.xstate, image, components, vcpu->arch.pkru);
	if (copy_to_user(argp, image, bytes))
		r = -EFAULT;
	kfree(image);
	return r;
}

static long set_xsave(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct lodge_xstate_legacy *image = memdup_user(argp, layout.bytes);
	u32 pkru = vcpu->arch.pkru;
	long r;

	if (IS_ERR(image))
		return PTR_ERR(image);
	/* FXRSTOR knows no header. */
	if (!boot_cpu_has(X86_FEATURE_XSAVE))
		image->xstate_bv |= LODGE_XSTATE_LEGACY;
	r = lodge_xstate_image_check(&layout, image);
	if (!r) {
		lodge_xstate_image_import(&layout, vcpu->arch.xstate, image, &pkru);
		vcpu->arch.pkru = pkru;
	}
	kfree(image);
	return r;
}

static long get_xcrs(struct lodge_vcpu *vcpu, void __user *argp)
{
	struct kvm_xcrs xcrs = {};

	if (boot_cpu_has(X86_FEATURE_XSAVE)) {
		xcrs.nr_xcrs = 1;
		xcrs.xcrs[0].xcr = XCR0;
		xcrs.xcrs[0].value = vcpu->arch.xcr0;
	}
	return copy_to_user(argp, &xcrs, sizeof(xcrs)) ? -EFAULT : 0;
}

/* The first XCR0 in the list counts; there is no other register. */
static long set_xcrs(struct lodge_vcpu *vcpu, const void __user *argp)
{
	struct kvm_xcrs xcrs;
	unsigned int i;

	if (copy_from_user(&xcrs, argp, sizeof(xcrs)))
		return -EFAULT;
	if (!boot_cpu_has(X86_FEATURE_XSAVE) || xcrs.nr_xcrs > KVM_MAX_XCRS || xcrs.flags)
		return -EINVAL;
	for (i = 0; i < xcrs.nr_xcrs; i++)
		if (xcrs.xcrs[i].xcr == XCR0)
			return set_xcr(vcpu, XCR0, xcrs.xcrs[i].value) ? -EINVAL : 0;
	return 0;
}

/**
 * lodge_xstate_ioctl() - KVM_GET/SET_FPU, XSAVE, XCRS and KVM_GET_XSAVE2
 * @vcpu: the vCPU
 * @ioctl: one of them
 * @argp: its argument
 *
 * Context: vcpu->mutex, may sleep. Return: 0; -EFAULT, -EINVAL (refused, nothing changed), -ENOMEM.
 */
long lodge_xstate_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp)
{
	switch (ioctl) {
	case KVM_GET_FPU:
		return get_fpu(vcpu, argp);
	case KVM_SET_FPU:
		return set_fpu(vcpu, argp);
	case KVM_GET_XSAVE:
		return get_xsave(vcpu, argp, sizeof(struct kvm_xsave));
	case KVM_GET_XSAVE2:
		return get_xsave(vcpu, argp, layout.bytes);
	case KVM_SET_XSAVE:
		return set_xsave(vcpu, argp);
	case KVM_GET_XCRS:
		return get_xcrs(vcpu, argp);
	case KVM_SET_XCRS:
		return set_xcrs(vcpu, argp);
	default:
		return -EINVAL;
	}
}
