// Where an ahead-of-time executable begins: the loader jumps here. libc's __libc_start_main runs the constructors of
// .init_array itself when it is given no init function, so nothing of crt1.o, crti.o and crtbegin.o is needed.
  .section .text._start, "ax", @progbits
  .globl _start
  .type _start, @function
_start:
  .cfi_startproc
  .cfi_undefined rip
  xorl %ebp, %ebp
  movq %rdx, %r9
  popq %rsi
  movq %rsp, %rdx
  andq $-16, %rsp
  pushq %rax
  pushq %rsp
  xorl %r8d, %r8d
  xorl %ecx, %ecx
  leaq main(%rip), %rdi
  call *__libc_start_main@GOTPCREL(%rip)
  hlt
  .cfi_endproc
  .size _start, .-_start

// An executable is a shared object that names a loader, so that it can be run as well as loaded into another program
// (PROGRAM run ..., llc-model logits PROGRAM ...).
  .section .interp, "aR", @progbits
  .asciz "/lib64/ld-linux-x86-64.so.2"

  .section .note.GNU-stack, "", @progbits
