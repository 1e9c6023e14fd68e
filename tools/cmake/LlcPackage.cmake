# What is installed, and the Debian package of it:  cmake --install build/release;  cd build/release && cpack
include(GNUInstallDirs)
if(LLC_COMPILER AND TARGET llc-model)
  set_property(SOURCE ${CMAKE_SOURCE_DIR}/tools/cli/version.cpp ${CMAKE_SOURCE_DIR}/tools/cli/manual.cpp
               APPEND PROPERTY COMPILE_DEFINITIONS LLC_VERSION="${PROJECT_VERSION}")
  # Debian keeps libMLIR in a folder that the loader does not search.
  set_target_properties(llc-model PROPERTIES INSTALL_RPATH "${LLVM_LIBRARY_DIRS}")
  install(TARGETS llc-model RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY models/builtin/ DESTINATION ${CMAKE_INSTALL_DATADIR}/llc-model/models PATTERN README.md EXCLUDE)

  # Completion scripts and manual pages, printed by the program itself.
  set(pages ${CMAKE_BINARY_DIR}/pages)
  set(commands run generate score eval create-config pretrain train finetune lora-finetune merge compile compile-train bench
               profile tokenize tokenizer tokenizer-train data data-prepare data-inspect data-verify
               data-convert logits grad inspect verify tune cache doctor)
  add_custom_command(
    OUTPUT ${pages}/stamp
    COMMAND ${CMAKE_COMMAND} -E make_directory ${pages}
    COMMAND sh ${CMAKE_SOURCE_DIR}/tools/cmake/write_pages.sh $<TARGET_FILE:llc-model> ${pages} ${commands}
    COMMAND ${CMAKE_COMMAND} -E touch ${pages}/stamp
    DEPENDS llc-model ${CMAKE_SOURCE_DIR}/tools/cmake/write_pages.sh VERBATIM)
  add_custom_target(llc_pages ALL DEPENDS ${pages}/stamp)
  install(DIRECTORY ${pages}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
  install(FILES ${pages}/llc-model.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME llc-model)
  install(FILES ${pages}/_llc-model DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES ${pages}/llc-model.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
# lib, not the multiarch folder: llc-model looks for the archive at ../lib/llc-model.
set(archives lib/llc-model)
foreach(library llc_base llc_formats llc_text llc_data llc_corpus llc_runtime llc_train)
  get_target_property(type ${library} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    install(TARGETS ${library} ARCHIVE DESTINATION ${archives})
  endif()
endforeach()
# For programs that use the library:  pkg-config --cflags --libs llc-model
configure_file(${CMAKE_SOURCE_DIR}/tools/cmake/llc-model.pc.in ${CMAKE_BINARY_DIR}/llc-model.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/llc-model.pc DESTINATION lib/pkgconfig)
install(DIRECTORY runtime DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/llc-model FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME llc-model)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "compiles language models to native code, and runs them")
set(CPACK_PACKAGE_CONTACT "llc-model developers <llc-model@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
# What a program needs that is built with the headers and the archives.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++ (>= 4:12), pkg-config, nlohmann-json3-dev, libutf8proc-dev")
include(CPack)
