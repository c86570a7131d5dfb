// SPDX-License-Identifier: GPL-2.0
/*
 * SVM on and off: at load, on CPU hotplug, over suspend, before reboot.
 *
 * EFER.SVME is the one sign of who owns SVM on a CPU. It is never taken over:
 * if it is set and not by us, Lodge does not load, or the CPU does not come
 * up.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "arch_host.h"
#include "clock.h"
#include "compat.h"
#include "cpuid.h"
#include "mmu/npt.h"
#include "msr.h"
#include "svm/svm.h"
#include "xstate.h"

#define VM_CR_SVMDIS		BIT_ULL(4)
#define TSC_RATIO_ONE_HIGH	1
#define CPUID_SVM_LEAF		0x8000000a
#define CPUID_EXT_ECX_SVM	BIT(2)
#define CPUID_SVM_EDX_NPT	BIT(0)

/* Until lodge_arch_host_init() what the user allows, then what is in use. */
struct lodge_svm_features lodge_svm_features __read_mostly = {
	.nrips = true,
	.decode_assists = true,
	.flush_by_asid = true,
	.vgif = true,
	.v_spec_ctrl = true,
	.clean_bits = true,
};
module_param_named(nrips, lodge_svm_features.nrips, bool, 0444);
MODULE_PARM_DESC(nrips, "use the processor's next-instruction pointer (default: if it has one)");
module_param_named(decode_assists, lodge_svm_features.decode_assists, bool, 0444);
MODULE_PARM_DESC(decode_assists, "use the processor's decode assists (default: if it has them)");
module_param_named(flush_by_asid, lodge_svm_features.flush_by_asid, bool, 0444);
MODULE_PARM_DESC(flush_by_asid, "flush translations of one guest alone (default: if the processor can)");
module_param_named(vgif, lodge_svm_features.vgif, bool, 0444);
MODULE_PARM_DESC(vgif, "use the processor's virtual global interrupt flag (default: if it has one)");

static bool npt = true;
module_param(npt, bool, 0444);
MODULE_PARM_DESC(npt, "nested paging; Lodge has no other kind yet, so 0 is refused");

DEFINE_PER_CPU(struct lodge_svm_cpu, lodge_svm_cpu);

static enum cpuhp_state hotplug_state;
static bool going_down;		/* a reboot was begun; SVM stays off */

/**
 * lodge_svm_cpu_disable() - SVM off on this CPU, if it is on because of us
 *
 * Context: any, NMI included; interrupts off, and no guest can be entered
 * before they are on again without looking at lodge_svm_cpu_enabled().
 */
void lodge_svm_cpu_disable(void)
{
	u64 efer;

	if (!__this_cpu_read(lodge_svm_cpu.enabled))
		return;
	__this_cpu_write(lodge_svm_cpu.enabled, false);

	rdmsrq(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	/* With GIF clear INIT would stay blocked for whoever comes next; STGI needs SVME. */
	asm volatile("stgi" ::: "memory");
	wrmsrq(MSR_VM_HSAVE_PA, 0);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
	lodge_bp_spec_reduce(false);
}

/* Interrupts off. -EBUSY: not ours. */
static int cpu_enable(void)
{
	u64 efer;

	if (going_down)
		return 0;
	rdmsrq(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;

	lodge_svm_asid_cpu_init();
	lodge_bp_spec_reduce(true);
	/* Set first: a crash from here on finds out from EFER what there is to undo. */
	__this_cpu_write(lodge_svm_cpu.enabled, true);
	wrmsrq(MSR_EFER, efer | EFER_SVME);
	wrmsrq(MSR_VM_HSAVE_PA, __this_cpu_read(lodge_svm_cpu.hsave_pa));
	/* Guests' TSC runs at the host's rate, whatever was here before. */
	if (boot_cpu_has(X86_FEATURE_TSCRATEMSR))
		wrmsr(MSR_AMD64_TSC_RATIO, 0, TSC_RATIO_ONE_HIGH);
	return 0;
}

static void refuse_busy(int cpu)
{
	pr_err("CPU %d: EFER.SVME is set, another hypervisor uses SVM: unload it first (stock KVM: rmmod kvm_amd)\n",
	       cpu);
}

static int host_online(unsigned int cpu)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = cpu_enable();
	local_irq_restore(flags);
	if (err)
		refuse_busy(cpu);
	return err;
}

static int host_offline(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	lodge_svm_cpu_disable();
	local_irq_restore(flags);
	return 0;
}

/* The other CPUs are offline, so their callbacks have run; the last one is done here, with interrupts off. */
static int host_suspend(void)
{
	lodge_clock_suspend();
	lodge_svm_cpu_disable();
	return 0;
}

static void host_resume(void)
{
	lodge_clock_resume();
	if (cpu_enable())
		refuse_busy(smp_processor_id());
}

LODGE_SYSCORE(host_syscore, host_suspend, host_resume);

static void disable_ipi(void *unused)
{
	lodge_svm_cpu_disable();
}

/*
 * Reboot, power-off or kexec. Guests may still run: the interrupt ends them,
 * and the next entry finds SVM off. A CPU that comes up meanwhile is either
 * online, and gets the interrupt, or sees the flag.
 */
static int host_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(going_down, true);
	on_each_cpu(disable_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block host_reboot_nb = {
	.notifier_call = host_reboot,
};

/* CPUID itself, not the kernel's view of it, which hides SVM where the firmware has locked it. */
static int check_svm(void)
{
	u64 vm_cr;

	if (cpuid_eax(0x80000000) < CPUID_SVM_LEAF || !(cpuid_ecx(0x80000001) & CPUID_EXT_ECX_SVM)) {
		pr_err("this processor has no SVM: Lodge needs an AMD or Hygon processor (virtual machine: a CPU model with svm)\n");
		return -EOPNOTSUPP;
	}
	if (!rdmsrq_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS)) {
		pr_err("SVM is disabled by the firmware: enable SVM (or AMD-V, virtualization) in its setup\n");
		return -EPERM;
	}
	if (!npt) {
		pr_err("npt=0: Lodge runs guests with nested paging only: load it without this parameter\n");
		return -EOPNOTSUPP;
	}
	if (!(cpuid_edx(CPUID_SVM_LEAF) & CPUID_SVM_EDX_NPT)) {
		pr_err("this processor's SVM has no nested paging: Lodge needs one that has (virtual machine: a CPU model with npt)\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int detect(void)
{
	struct lodge_svm_features *f = &lodge_svm_features;
	int err = check_svm();

	if (err)
		return err;
	f->nr_asids = cpuid_ebx(CPUID_SVM_LEAF);
	if (f->nr_asids < 2) {
		pr_err("SVM here has %u address space identifiers, guests need 2: check the outer hypervisor's CPU model\n",
		       f->nr_asids);
		return -EOPNOTSUPP;
	}
	f->nrips &= boot_cpu_has(X86_FEATURE_NRIPS);
	f->decode_assists &= boot_cpu_has(X86_FEATURE_DECODEASSISTS);
	f->flush_by_asid &= boot_cpu_has(X86_FEATURE_FLUSHBYASID);
	f->vgif &= boot_cpu_has(X86_FEATURE_VGIF);
	f->v_spec_ctrl &= boot_cpu_has(X86_FEATURE_V_SPEC_CTRL);
	f->clean_bits &= boot_cpu_has(X86_FEATURE_VMCBCLEAN);
	return 0;
}

static void note_svme(void *data)
{
	atomic_t *cpu = data;
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	if (efer & EFER_SVME)
		atomic_set(cpu, smp_processor_id());
}

static int check_free(void)
{
	atomic_t cpu = ATOMIC_INIT(-1);

	on_each_cpu(note_svme, &cpu, 1);
	if (atomic_read(&cpu) < 0)
		return 0;
	refuse_busy(atomic_read(&cpu));
	return -EBUSY;
}

static void free_page_at(hpa_t *pa)
{
	if (*pa)
		__free_page(pfn_to_page(__sme_clr(*pa) >> PAGE_SHIFT));
	*pa = 0;
}

static void free_pages_of_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		free_page_at(&per_cpu(lodge_svm_cpu, cpu).hsave_pa);
		free_page_at(&per_cpu(lodge_svm_cpu, cpu).host_save_pa);
	}
}

static int alloc_page_at(hpa_t *pa, int cpu)
{
	struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

	if (!page)
		return -ENOMEM;
	*pa = __sme_set(page_to_phys(page));
	return 0;
}

static int alloc_pages_of_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (alloc_page_at(&per_cpu(lodge_svm_cpu, cpu).hsave_pa, cpu) ||
		    alloc_page_at(&per_cpu(lodge_svm_cpu, cpu).host_save_pa, cpu)) {
			pr_err("no memory for the processors' save areas\n");
			free_pages_of_cpus();
			return -ENOMEM;
		}
	}
	return 0;
}

/* From the first CPU's EFER write on, a reboot or a crash must find us prepared: so the hooks come first. */
static int enable_all(void)
{
	int state, err;

	err = lodge_svm_emergency_init();
	if (err)
		return err;
	err = register_reboot_notifier(&host_reboot_nb);
	if (err)
		goto err_emergency;
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "x86/lodge:online", host_online, host_offline);
	if (state < 0) {
		err = state;
		goto err_reboot;
	}
	hotplug_state = state;
	lodge_syscore_register(host_syscore);
	return 0;

err_reboot:
	unregister_reboot_notifier(&host_reboot_nb);
err_emergency:
	lodge_svm_emergency_exit();
	return err;
}

/**
 * lodge_arch_host_init() - find out what SVM can do here and take it on every CPU
 *
 * Context: module init, may sleep. Pair: lodge_arch_host_exit().
 * Return: 0; -EOPNOTSUPP (no SVM, no nested paging), -EPERM (disabled by the
 * firmware), -EBUSY (another hypervisor has it), -ENOMEM. Each is explained
 * in the log.
 */
int lodge_arch_host_init(void)
{
	int err = detect();

	if (err)
		return err;
	err = check_free();
	if (err)
		return err;
	err = alloc_pages_of_cpus();
	if (err)
		return err;

	lodge_npt_init(__sme_set(0ULL));
	lodge_cpuid_init();
	lodge_msr_init();
	lodge_xstate_host_init();

	err = enable_all();
	if (err)
		free_pages_of_cpus();
	return err;
}

/**
 * lodge_arch_host_exit() - give SVM back
 *
 * Context: module exit, may sleep; no VM is left.
 */
void lodge_arch_host_exit(void)
{
	lodge_syscore_unregister(host_syscore);
	cpuhp_remove_state(hotplug_state);
	unregister_reboot_notifier(&host_reboot_nb);
	lodge_svm_emergency_exit();
	free_pages_of_cpus();
}
