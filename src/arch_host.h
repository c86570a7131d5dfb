/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contract, host: what an architecture does once per module life.
 */
#ifndef LODGE_ARCH_HOST_H
#define LODGE_ARCH_HOST_H

/**
 * lodge_arch_host_init() - check the machine and take the virtualisation extension on every CPU
 *
 * Refuses with one pr_err() line that names cause and remedy. Registers what keeps CPU hotplug, suspend, kexec, panic
 * and reboot safe. Context: module init, may sleep. Pair: lodge_arch_host_exit().
 * Return: 0; -EOPNOTSUPP (no hardware), -EPERM (firmware lock), -EBUSY (another hypervisor), -ENOMEM.
 */
int lodge_arch_host_init(void);
void lodge_arch_host_exit(void);

#endif
