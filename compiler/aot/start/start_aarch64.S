// Where an ahead-of-time executable begins: the kernel jumps here, with the argument count at the top of the stack and
// the loader's exit function in x0. libc's __libc_start_main runs the constructors of .init_array itself when it is
// given no init function, so nothing of crt1.o, crti.o and crtbegin.o is needed.
  .section .text._start, "ax", @progbits
  .globl _start
  .type _start, @function
_start:
  .cfi_startproc
  .cfi_undefined x30
  mov x29, #0
  mov x30, #0
  mov x5, x0
  ldr x1, [sp]
  add x2, sp, #8
  mov x6, sp
  adrp x0, main
  add x0, x0, :lo12:main
  mov x3, #0
  mov x4, #0
  bl __libc_start_main
  brk #0
  .cfi_endproc
  .size _start, .-_start

// The loader's name makes a shared object a program (start_x86_64.S).
  .section .interp, "aR", @progbits
  .asciz "/lib/ld-linux-aarch64.so.1"

  .section .note.GNU-stack, "", @progbits
