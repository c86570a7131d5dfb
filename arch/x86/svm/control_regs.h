/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Exits of moves to and from control and debug registers.
 */
#ifndef LODGE_SVM_CONTROL_REGS_H
#define LODGE_SVM_CONTROL_REGS_H

struct lodge_vcpu;
struct lodge_x86_insn;

/* The instruction is decoded and is one of these. LODGE_RESUME_GUEST or LODGE_EXIT_TO_USER. Outer loop. */
int lodge_svm_handle_cr(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip);
int lodge_svm_handle_dr(struct lodge_vcpu *vcpu, const struct lodge_x86_insn *insn, unsigned long next_rip);

#endif
