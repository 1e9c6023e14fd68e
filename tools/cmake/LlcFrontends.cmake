# Frontends and models. The headers that models may use and everything in models/ are free of MLIR.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(LLC_LLVM_TBLGEN NAMES llvm-tblgen-19 llvm-tblgen HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)

# build/generated/frontends/dsl/ops.{h,cpp}: one function for each op of the dialect.
function(llc_dsl_ops)
  set(folder ${LLC_GENERATED}/frontends/dsl)
  set(script ${CMAKE_SOURCE_DIR}/tools/generate/dsl_ops.py)
  file(MAKE_DIRECTORY ${folder})
  file(GLOB_RECURSE descriptions CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/dialect/*.td)
  add_custom_command(
    OUTPUT ${folder}/ops.h ${folder}/ops.cpp
    COMMAND ${LLC_LLVM_TBLGEN} --dump-json -I ${CMAKE_SOURCE_DIR} -I ${MLIR_INCLUDE_DIRS}
            ${CMAKE_SOURCE_DIR}/dialect/ops/ops.td -o ${folder}/ops.json
    COMMAND ${Python3_EXECUTABLE} ${script} ${folder}/ops.json ${folder}
    DEPENDS ${descriptions} ${script} VERBATIM COMMENT "Op functions of the DSL")
  add_custom_target(llc_dsl_ops DEPENDS ${folder}/ops.h ${folder}/ops.cpp)
endfunction()

function(llc_frontends name)
  llc_dsl_ops()
  llc_sources(sources frontends/dsl frontends/huggingface frontends/recipe)
  add_library(${name} STATIC ${sources} ${LLC_GENERATED}/frontends/dsl/ops.cpp)
  target_link_libraries(${name} PUBLIC llc_dialect llc_formats llc_text)
  llc_mlir_target(${name})
  llc_unity(${name})
  add_dependencies(${name} llc_dsl_ops)
endfunction()

# models/REGISTRY.{h,cpp}, written from the stems of models/FOLDER/*.cpp: STEM.cpp defines TYPE STEM(ARGUMENTS). The templates
# find the declarations in LLC_DECLARATIONS, the calls in LLC_CALLS.
function(llc_registry registry folder type arguments)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/models/${folder}/*.cpp)
  set(LLC_DECLARATIONS "")
  set(LLC_CALLS "")
  foreach(file ${files})
    get_filename_component(stem ${file} NAME_WE)
    string(APPEND LLC_DECLARATIONS "${type} ${stem}(${arguments});\n")
    string(APPEND LLC_CALLS "    ${stem}(),\n")
  endforeach()
  foreach(ending h cpp)
    configure_file(${CMAKE_SOURCE_DIR}/models/${registry}.${ending}.in ${LLC_GENERATED}/models/${registry}.${ending} @ONLY)
  endforeach()
endfunction()

function(llc_models name)
  llc_registry(registry architectures dsl::Architecture "const Blocks &blocks = {}")
  llc_registry(optimizer_registry optimizers Optimizer "")
  llc_registry(adapter_registry adapters dsl::AdapterKind "")
  llc_registry(trainer_registry trainers Trainer "")
  llc_sources(sources models/blocks models/families models/architectures models/trainers models/objectives
              models/updates models/optimizers models/adapters)
  add_library(${name} STATIC ${sources} ${LLC_GENERATED}/models/registry.cpp
              ${LLC_GENERATED}/models/optimizer_registry.cpp ${LLC_GENERATED}/models/trainer_registry.cpp
              ${LLC_GENERATED}/models/adapter_registry.cpp)
  target_link_libraries(${name} PUBLIC llc_frontends Threads::Threads)
  llc_runtime_headers(${name})
  add_dependencies(${name} llc_dsl_ops)
endfunction()
