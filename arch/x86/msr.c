// SPDX-License-Identifier: GPL-2.0
/*
 * Model-specific registers: their values, and guests' RDMSR and WRMSR.
 *
 * Guest accesses never sleep, so that the inner loop can do them. User space
 * may read and write whatever this host has, whether the guest's CPUID has it
 * or not; a guest gets only what its CPUID says.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kvm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/trapnr.h>

#include "clock.h"
#include "compat.h"
#include "cpuid.h"
#include "cpuid_bits.h"
#include "events.h"
#include "mce.h"
#include "msr.h"
#include "msr_filter.h"
#include "mtrr.h"
#include "regs.h"
#include "svm/svm.h"
#include "svm/vmcb.h"
#include "trace_x86.h"
#include "vcpu.h"
#include "vm.h"

static bool ignore_msrs;
module_param(ignore_msrs, bool, 0644);
MODULE_PARM_DESC(ignore_msrs, "Guests read 0 from MSRs that do not exist, and writes to them are dropped");

static bool report_ignored_msrs = true;
module_param(report_ignored_msrs, bool, 0644);
MODULE_PARM_DESC(report_ignored_msrs, "Log what ignore_msrs hides");

#define PAT_RESET		0x0007040600070406ull
#define UCODE_REV_RESET		0x01000065

/* What hardware has no use for under Lodge but must not be changed by guests: no counters, no stores to debug. */
#define MISC_ENABLE_READ_ONLY	(MSR_IA32_MISC_ENABLE_EMON | MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

/* Written by old systems for errata; no effect here. Then what is kept: machine-check status writable, TSC at P0. */
#define HWCR_DROPPED		(BIT_ULL(3) | BIT_ULL(6) | BIT_ULL(8))
#define HWCR_KEPT		(BIT_ULL(18) | BIT_ULL(24))

#define DEBUGCTL_DEFINED	GENMASK_ULL(5, 0)

#define SPEC_CTRL_PSFD_BIT	BIT_ULL(7)

#define APIC_BASE_DEFAULT	0xfee00000ull
#define APIC_BASE_X2APIC	BIT_ULL(10)

/**
 * struct dull - MSRs that read as 0
 * @first: index
 * @last:  index, inclusive
 * @zero_writable: 0 may be written
 * @all_writable: so may anything, without effect
 */
struct dull {
	u32 first;
	u32 last;
	bool zero_writable;
	bool all_writable;
};

/* Chipset and errata registers that operating systems and firmware touch without asking. */
static const struct dull dull[] = {
	{ MSR_IA32_PLATFORM_ID, MSR_IA32_PLATFORM_ID },
	{ MSR_IA32_EBL_CR_POWERON, MSR_IA32_EBL_CR_POWERON },
	{ MSR_IA32_UCODE_WRITE, MSR_IA32_UCODE_WRITE, true, true },
	{ MSR_IA32_PERF_CTL, MSR_IA32_PERF_CTL },
	{ MSR_K7_EVNTSEL0, MSR_K7_PERFCTR3, true, true },
	{ MSR_AMD64_SYSCFG, MSR_AMD64_SYSCFG },
	{ MSR_AMD64_NB_CFG, MSR_AMD64_NB_CFG, true, true },
	{ MSR_AMD64_PATCH_LOADER, MSR_AMD64_PATCH_LOADER, true, true },
	{ MSR_K8_INT_PENDING_MSG, MSR_K8_INT_PENDING_MSG },
	{ MSR_FAM10H_MMIO_CONF_BASE, MSR_FAM10H_MMIO_CONF_BASE, true },
	{ MSR_K8_TSEG_ADDR, MSR_K8_TSEG_MASK },
	{ MSR_AMD64_DC_CFG, MSR_AMD64_TW_CFG, true, true },
	{ MSR_AMD64_BU_CFG2, MSR_AMD64_BU_CFG2, true, true },
	{ MSR_F15H_EX_CFG, MSR_F15H_EX_CFG, true, true },
};

static const struct dull *find_dull(u32 index)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dull); i++)
		if (index >= dull[i].first && index <= dull[i].last)
			return &dull[i];
	return NULL;
}

static bool canonical(struct lodge_vcpu *vcpu, u64 addr)
{
	unsigned int bits = lodge_x86_save(vcpu)->cr4 & X86_CR4_LA57 ? 57 : 48;

	return (s64)(addr << (64 - bits)) >> (64 - bits) == (s64)addr;
}

/* User space's values are checked against the widest addresses the vCPU may come to have. */
static bool host_canonical(struct lodge_vcpu *vcpu, u64 addr)
{
	return LODGE_HAS(vcpu, LA57) ? (s64)(addr << 7) >> 7 == (s64)addr : canonical(vcpu, addr);
}

/* The MSRs that VMLOAD and VMSAVE switch live in the control block. NULL: not one of them. */
static u64 *switched_msr(struct lodge_vcpu *vcpu, u32 index)
{
	struct lodge_vmcb_save *save = lodge_x86_save(vcpu);

	switch (index) {
	case MSR_STAR:
		return &save->star;
	case MSR_LSTAR:
		return &save->lstar;
	case MSR_CSTAR:
		return &save->cstar;
	case MSR_SYSCALL_MASK:
		return &save->sfmask;
	case MSR_FS_BASE:
		return &save->fs.base;
	case MSR_GS_BASE:
		return &save->gs.base;
	case MSR_KERNEL_GS_BASE:
		return &save->kernel_gs_base;
	case MSR_IA32_SYSENTER_CS:
		return &save->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &save->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &save->sysenter_eip;
	default:
		return NULL;
	}
}

static int set_switched(struct lodge_vcpu *vcpu, u32 index, u64 *reg, u64 data, bool host)
{
	switch (index) {
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
		if (!(host ? host_canonical(vcpu, data) : canonical(vcpu, data)))
			return LODGE_MSR_INVALID;
		break;
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		data = (u32)data;	/* these processors keep no more */
		break;
	}
	*reg = data;
	return 0;
}

/* What this host offers of the MSRs that not every processor has. */
static struct {
	bool tsc_aux;
	bool ibpb;
	u64 spec_ctrl;	/* bits; 0: there is no such MSR */
} offered __ro_after_init;

static bool has_tsc_aux(struct lodge_vcpu *vcpu, bool host)
{
	return offered.tsc_aux && (host || LODGE_HAS(vcpu, RDTSCP) || LODGE_HAS(vcpu, RDPID));
}

/* Bits of SPEC_CTRL that the guest's CPUID, or for user space this host, has; 0: there is no such MSR. */
static u64 spec_ctrl_bits(struct lodge_vcpu *vcpu, bool host)
{
	u64 bits = 0;

	if (host)
		return offered.spec_ctrl;
	if (LODGE_HAS(vcpu, AMD_IBRS) || LODGE_HAS(vcpu, SPEC_CTRL))
		bits |= SPEC_CTRL_IBRS;
	if (LODGE_HAS(vcpu, AMD_STIBP) || LODGE_HAS(vcpu, INTEL_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if (LODGE_HAS(vcpu, AMD_SSBD) || LODGE_HAS(vcpu, INTEL_SSBD))
		bits |= SPEC_CTRL_SSBD;
	if (LODGE_HAS(vcpu, AMD_PSFD))
		bits |= SPEC_CTRL_PSFD_BIT;
	return bits & offered.spec_ctrl;
}

static int set_spec_ctrl(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	u64 bits = spec_ctrl_bits(vcpu, host);

	if (!bits)
		return LODGE_MSR_UNKNOWN;
	if (data & ~bits)
		return LODGE_MSR_INVALID;
	vcpu->arch.spec_ctrl = data;
	if (lodge_svm_features.v_spec_ctrl)
		lodge_x86_save(vcpu)->spec_ctrl = data;
	return 0;
}

/* A command, done here and now: the thread may move afterwards, but arriving elsewhere is a barrier itself. */
static int set_pred_cmd(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	if (!offered.ibpb || (!host && !LODGE_HAS(vcpu, AMD_IBPB) && !LODGE_HAS(vcpu, SPEC_CTRL)))
		return LODGE_MSR_UNKNOWN;
	if (data & ~PRED_CMD_IBPB)
		return LODGE_MSR_INVALID;
	if (data)
		wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	return 0;
}

static int set_apic_base(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	u64 old = vcpu->arch.apic_base;
	bool was_x2apic = old & APIC_BASE_X2APIC, wants_x2apic = data & APIC_BASE_X2APIC;

	if (!lodge_x86_apic_base_valid(vcpu, data))
		return LODGE_MSR_INVALID;
	/* x2APIC mode is entered from xAPIC mode and left by disabling. */
	if (!host && wants_x2apic && !(old & MSR_IA32_APICBASE_ENABLE))
		return LODGE_MSR_INVALID;
	if (!host && was_x2apic && !wants_x2apic && (data & MSR_IA32_APICBASE_ENABLE))
		return LODGE_MSR_INVALID;
	vcpu->arch.apic_base = data;
	return 0;
}

static int set_pat(struct lodge_vcpu *vcpu, u64 data)
{
	if (!lodge_mtrr_pat_valid(data))
		return LODGE_MSR_INVALID;
	vcpu->arch.pat = data;
	lodge_x86_save(vcpu)->g_pat = data;
	lodge_vmcb_mark_dirty(vcpu->arch.vmcb, LODGE_CLEAN_NPT);
	return 0;
}

static int set_misc_enable(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	if (!host && ((vcpu->arch.misc_enable ^ data) & MISC_ENABLE_READ_ONLY))
		return LODGE_MSR_INVALID;
	vcpu->arch.misc_enable = data;
	return 0;
}

static int set_hwcr(struct lodge_vcpu *vcpu, u64 data)
{
	data &= ~HWCR_DROPPED;
	if (data & ~HWCR_KEPT)
		return LODGE_MSR_INVALID;
	vcpu->arch.hwcr = data;
	return 0;
}

/* A promise to the guest about its LFENCE: user space may make less of it, before the guest runs. */
static int set_de_cfg(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	u64 possible;

	lodge_msr_list_get_feature(MSR_AMD64_DE_CFG, &possible);
	if (data == vcpu->arch.de_cfg)
		return 0;
	if (!host || vcpu->arch.ran || (data & ~possible))
		return LODGE_MSR_INVALID;
	vcpu->arch.de_cfg = data;
	return 0;
}

static int set_tsc_aux(struct lodge_vcpu *vcpu, u64 data, bool host)
{
	if (!has_tsc_aux(vcpu, host))
		return LODGE_MSR_UNKNOWN;
	vcpu->arch.tsc_aux = (u32)data;
	return 0;
}

static int get_rare(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	if (lodge_mtrr_is_msr(index))
		return lodge_mtrr_get_msr(vcpu, index, data);
	if (lodge_mce_is_msr(index))
		return lodge_mce_get_msr(vcpu, index, data, host);
	if (!find_dull(index))
		return LODGE_MSR_UNKNOWN;
	*data = 0;
	return 0;
}

static int get_msr(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	const u64 *switched;

	switch (index) {
	case MSR_IA32_TSC:
		*data = lodge_clock_read_tsc(vcpu);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*data = vcpu->arch.tsc_adjust;
		return host || LODGE_HAS(vcpu, TSC_ADJUST) ? 0 : LODGE_MSR_UNKNOWN;
	case MSR_IA32_APICBASE:
		*data = vcpu->arch.apic_base;
		return 0;
	case MSR_EFER:
		*data = vcpu->arch.efer;
		return 0;
	case MSR_IA32_CR_PAT:
		*data = vcpu->arch.pat;
		return 0;
	case MSR_IA32_SPEC_CTRL:
		*data = vcpu->arch.spec_ctrl;
		return spec_ctrl_bits(vcpu, host) ? 0 : LODGE_MSR_UNKNOWN;
	case MSR_TSC_AUX:
		*data = vcpu->arch.tsc_aux;
		return has_tsc_aux(vcpu, host) ? 0 : LODGE_MSR_UNKNOWN;
	case MSR_IA32_MISC_ENABLE:
		*data = vcpu->arch.misc_enable;
		return 0;
	case MSR_IA32_UCODE_REV:
		*data = vcpu->arch.ucode_rev;
		return 0;
	case MSR_K7_HWCR:
		*data = vcpu->arch.hwcr;
		return 0;
	case MSR_AMD64_DE_CFG:
		*data = vcpu->arch.de_cfg;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:
		*data = 0;
		return 0;
	default:
		break;
	}

	switched = switched_msr(vcpu, index);
	if (!switched)
		return get_rare(vcpu, index, data, host);
	*data = *switched;
	return 0;
}

static int set_rare(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host)
{
	const struct dull *dull;

	if (lodge_mtrr_is_msr(index))
		return lodge_mtrr_set_msr(vcpu, index, data);
	if (lodge_mce_is_msr(index))
		return lodge_mce_set_msr(vcpu, index, data, host);
	dull = find_dull(index);
	if (!dull)
		return LODGE_MSR_UNKNOWN;
	return dull->all_writable || (dull->zero_writable && !data) ? 0 : LODGE_MSR_INVALID;
}

static int set_msr(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host)
{
	u64 *switched;

	switch (index) {
	case MSR_IA32_TSC:
		lodge_clock_write_tsc(vcpu, data, host);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!host && !LODGE_HAS(vcpu, TSC_ADJUST))
			return LODGE_MSR_UNKNOWN;
		lodge_clock_write_tsc_adjust(vcpu, data, host);
		return 0;
	case MSR_IA32_APICBASE:
		return set_apic_base(vcpu, data, host);
	case MSR_EFER:
		return lodge_x86_set_efer(vcpu, data, host);
	case MSR_IA32_CR_PAT:
		return set_pat(vcpu, data);
	case MSR_IA32_SPEC_CTRL:
		return set_spec_ctrl(vcpu, data, host);
	case MSR_IA32_PRED_CMD:
		return set_pred_cmd(vcpu, data, host);
	case MSR_TSC_AUX:
		return set_tsc_aux(vcpu, data, host);
	case MSR_IA32_MISC_ENABLE:
		return set_misc_enable(vcpu, data, host);
	case MSR_IA32_UCODE_REV:
		if (host)
			vcpu->arch.ucode_rev = data;
		return 0;
	case MSR_K7_HWCR:
		return set_hwcr(vcpu, data);
	case MSR_AMD64_DE_CFG:
		return set_de_cfg(vcpu, data, host);
	case MSR_IA32_DEBUGCTLMSR:
		return data & ~DEBUGCTL_DEFINED ? LODGE_MSR_INVALID : 0;
	default:
		break;
	}

	switched = switched_msr(vcpu, index);
	if (!switched)
		return set_rare(vcpu, index, data, host);
	return set_switched(vcpu, index, switched, data, host);
}

static bool ignore(u32 index, u64 data, const char *what)
{
	if (!ignore_msrs)
		return false;
	if (report_ignored_msrs)
		pr_info_ratelimited("ignored a guest's %s of MSR 0x%x, value 0x%llx\n", what, index, data);
	return true;
}

/**
 * lodge_msr_get() - read one MSR
 * @vcpu:  the vCPU
 * @index: MSR
 * @data:  out; unchanged or meaningless unless 0 is returned
 * @host:  for user space
 *
 * Context: vcpu->mutex; any. Return: 0, LODGE_MSR_INVALID or LODGE_MSR_UNKNOWN.
 */
int lodge_msr_get(struct lodge_vcpu *vcpu, u32 index, u64 *data, bool host)
{
	int ret = get_msr(vcpu, index, data, host);

	if (ret != LODGE_MSR_UNKNOWN || !ignore(index, 0, "read"))
		return ret;
	*data = 0;
	return 0;
}

/**
 * lodge_msr_set() - write one MSR
 * @vcpu:  the vCPU
 * @index: MSR
 * @data:  value
 * @host:  for user space
 *
 * Context: vcpu->mutex; any, but MSR_TSC_AUX not in the inner loop, whose hardware register would keep its value.
 * Return: 0; LODGE_MSR_INVALID or LODGE_MSR_UNKNOWN, with nothing changed.
 */
int lodge_msr_set(struct lodge_vcpu *vcpu, u32 index, u64 data, bool host)
{
	int ret = set_msr(vcpu, index, data, host);

	return ret == LODGE_MSR_UNKNOWN && ignore(index, data, "write") ? 0 : ret;
}

static u64 operand(struct lodge_vcpu *vcpu)
{
	return (u32)vcpu->arch.regs[LODGE_RAX] | (u64)(u32)vcpu->arch.regs[LODGE_RDX] << 32;
}

static void finish_read(struct lodge_vcpu *vcpu, u64 data)
{
	vcpu->arch.regs[LODGE_RAX] = lower_32_bits(data);
	vcpu->arch.regs[LODGE_RDX] = upper_32_bits(data);
}

/* RDMSR or WRMSR of the guest's registers, but for rip. */
static int access_msr(struct lodge_vcpu *vcpu, bool write)
{
	u32 index = vcpu->arch.regs[LODGE_RCX];
	u64 data = 0;
	int ret;

	if (write) {
		data = operand(vcpu);
		ret = lodge_msr_set(vcpu, index, data, false);
	} else {
		ret = lodge_msr_get(vcpu, index, &data, false);
		if (!ret)
			finish_read(vcpu, data);
	}
	trace_kvm_msr(write, index, data, ret);
	return ret;
}

/**
 * lodge_msr_emulate_fast() - RDMSR or WRMSR in the inner loop
 * @vcpu:     the vCPU
 * @write:    WRMSR
 * @next_rip: where the next instruction starts
 *
 * Context: interrupts off. Return: true if it is done; false with nothing changed, for lodge_msr_emulate().
 */
bool lodge_msr_emulate_fast(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip)
{
	u32 index = vcpu->arch.regs[LODGE_RCX];

	if (index == MSR_TSC_AUX && write)
		return false;
	if (!lodge_msr_filter_allows(vcpu->vm, index, write) || access_msr(vcpu, write))
		return false;
	lodge_x86_advance_rip(vcpu, next_rip);
	return true;
}

static int complete_for_user(struct lodge_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (READ_ONCE(run->msr.error)) {
		lodge_x86_raise_error(vcpu, X86_TRAP_GP, 0);
		return LODGE_RESUME_GUEST;
	}
	if (!vcpu->arch.msr_exit.write)
		finish_read(vcpu, READ_ONCE(run->msr.data));
	lodge_x86_advance_rip(vcpu, vcpu->arch.msr_exit.next_rip);
	return LODGE_RESUME_GUEST;
}

/* What could not be done: user space's, if it asked for accesses that fail so, else #GP. */
static int refuse(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip, u32 reason)
{
	struct kvm_run *run = vcpu->run;

	if (!(READ_ONCE(vcpu->vm->arch.user_space_msr_mask) & reason)) {
		lodge_x86_raise_error(vcpu, X86_TRAP_GP, 0);
		return LODGE_RESUME_GUEST;
	}
	run->exit_reason = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	run->msr.error = 0;
	memset(run->msr.pad, 0, sizeof(run->msr.pad));
	run->msr.reason = reason;
	run->msr.index = vcpu->arch.regs[LODGE_RCX];
	run->msr.data = write ? operand(vcpu) : 0;

	vcpu->arch.msr_exit.write = write;
	vcpu->arch.msr_exit.next_rip = next_rip;
	vcpu->complete_userspace_io = complete_for_user;
	return LODGE_EXIT_TO_USER;
}

/**
 * lodge_msr_emulate() - RDMSR or WRMSR
 * @vcpu:     the vCPU
 * @write:    WRMSR
 * @next_rip: where the next instruction starts
 *
 * Context: outer loop. Return: LODGE_RESUME_GUEST (done, or #GP raised) or LODGE_EXIT_TO_USER.
 */
int lodge_msr_emulate(struct lodge_vcpu *vcpu, bool write, unsigned long next_rip)
{
	u32 index = vcpu->arch.regs[LODGE_RCX];
	int ret;

	if (!lodge_msr_filter_allows(vcpu->vm, index, write))
		return refuse(vcpu, write, next_rip, KVM_MSR_EXIT_REASON_FILTER);
	ret = access_msr(vcpu, write);
	if (ret)
		return refuse(vcpu, write, next_rip,
			      ret == LODGE_MSR_UNKNOWN ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL);
	lodge_x86_advance_rip(vcpu, next_rip);
	return LODGE_RESUME_GUEST;
}

/**
 * lodge_msr_init() - work out what this host has
 *
 * Context: module init, after lodge_cpuid_init().
 */
void lodge_msr_init(void)
{
	offered.tsc_aux = LODGE_OFFERS(RDTSCP) || LODGE_OFFERS(RDPID);
	offered.ibpb = LODGE_OFFERS(AMD_IBPB);
	offered.spec_ctrl = (LODGE_OFFERS(AMD_IBRS) ? SPEC_CTRL_IBRS : 0) |
			    (LODGE_OFFERS(AMD_STIBP) ? SPEC_CTRL_STIBP : 0) |
			    (LODGE_OFFERS(AMD_SSBD) ? SPEC_CTRL_SSBD : 0) |
			    (LODGE_OFFERS(AMD_PSFD) ? SPEC_CTRL_PSFD_BIT : 0);
	lodge_msr_list_init(offered.tsc_aux, offered.spec_ctrl);
}

/**
 * lodge_msr_reset() - a new vCPU's MSRs, but for the TSC's and the machine-check banks
 * @vcpu: the vCPU; its memory is zeroed, its VMCB exists
 *
 * Context: nobody else knows the vCPU yet.
 */
void lodge_msr_reset(struct lodge_vcpu *vcpu)
{
	vcpu->arch.apic_base = APIC_BASE_DEFAULT | MSR_IA32_APICBASE_ENABLE;
	if (vcpu->id == vcpu->vm->arch.boot_cpu_id)
		vcpu->arch.apic_base |= MSR_IA32_APICBASE_BSP;
	vcpu->arch.misc_enable = MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL;
	vcpu->arch.ucode_rev = UCODE_REV_RESET;
	lodge_msr_list_get_feature(MSR_AMD64_DE_CFG, &vcpu->arch.de_cfg);
	set_pat(vcpu, PAT_RESET);
}

static int get_for_user(void *vcpu, u32 index, u64 *data)
{
	return lodge_msr_get(vcpu, index, data, true);
}

static int set_for_user(void *vcpu, u32 index, u64 *data)
{
	return lodge_msr_set(vcpu, index, *data, true);
}

/**
 * lodge_msr_vcpu_ioctl() - KVM_GET_MSRS, KVM_SET_MSRS
 * @vcpu:  the vCPU
 * @ioctl: number
 * @argp:  its argument
 *
 * Context: vcpu->mutex; may sleep. Return: how many entries were done; -EFAULT; -E2BIG (256 or more); -ENOMEM;
 * -EINVAL for another number.
 */
long lodge_msr_vcpu_ioctl(struct lodge_vcpu *vcpu, unsigned int ioctl, void __user *argp)
{
	switch (ioctl) {
	case KVM_GET_MSRS:
		return lodge_msr_list_access(argp, get_for_user, vcpu, true);
	case KVM_SET_MSRS:
		return lodge_msr_list_access(argp, set_for_user, vcpu, false);
	default:
		return -EINVAL;
	}
}
