// SPDX-License-Identifier: GPL-2.0
/*
 * SVM off in a crash or an emergency reboot.
 *
 * Kernels up to 6.12 have one callback for the hypervisor. Stock KVM takes it
 * while it loads, before it finds out that it cannot have SVM, and a second
 * owner is a kernel warning. So the callback is let go while kvm_amd tries,
 * and taken back when kvm_amd is gone; its own callback does the same work.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>

#include "compat.h"
#include "svm/svm.h"

/* Held unless kvm_amd has it. Guarded by the notifier: one load of kvm_amd at a time. */
static bool have_callback;

/* In NMI context, perhaps with GIF still clear: the shootdown came in right after #VMEXIT. */
static void lodge_svm_emergency(void)
{
	lodge_svm_cpu_disable();
}

static void take_callback(void)
{
	if (!have_callback)
		lodge_emergency_register(lodge_svm_emergency);
	have_callback = true;
}

static void drop_callback(void)
{
	if (have_callback)
		lodge_emergency_unregister(lodge_svm_emergency);
	have_callback = false;
}

static int lodge_svm_module_event(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, "kvm_amd"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING)
		drop_callback();
	else if (state == MODULE_STATE_GOING)
		take_callback();
	return NOTIFY_OK;
}

static struct notifier_block lodge_svm_module_nb = {
	.notifier_call = lodge_svm_module_event,
};

/**
 * lodge_svm_emergency_init() - see that a crash or emergency reboot finds SVM off
 *
 * Context: may sleep; before SVM is enabled on any CPU. Pair: lodge_svm_emergency_exit().
 * Return: 0 or -errno of the module notifier.
 */
int lodge_svm_emergency_init(void)
{
	int err;

	if (!LODGE_EMERGENCY_CALLBACK)
		return 0;
	take_callback();
	err = register_module_notifier(&lodge_svm_module_nb);
	if (err)
		drop_callback();
	return err;
}

/**
 * lodge_svm_emergency_exit() - undo lodge_svm_emergency_init()
 *
 * Context: may sleep; SVM is off on all CPUs.
 */
void lodge_svm_emergency_exit(void)
{
	if (!LODGE_EMERGENCY_CALLBACK)
		return;
	unregister_module_notifier(&lodge_svm_module_nb);
	drop_callback();
}
