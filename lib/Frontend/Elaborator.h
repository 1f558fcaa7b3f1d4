//===- Elaborator.h - Evaluates a program into graphs -------------------------------*- C++ -*-===//
//
// The program is run with tensors as unknowns: numbers, shapes and functions are values here; every
// operation on a tensor becomes a dl op. Each function of the result (@train, @evaluate, ...) is
// one such run, in its phase. A mistake is reported once and gives poison, which everything that
// only follows from it passes on silently.
//
//===------------------------------------------------------------------------------------------===//
#ifndef DLC_LIB_FRONTEND_ELABORATOR_H
#define DLC_LIB_FRONTEND_ELABORATOR_H

#include "dlc/Frontend/Elaborate.h"
#include "dlc/IR/Builders.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace dlc {

class Elaborator;
struct Scope;
using ScopePtr = std::shared_ptr<Scope>;
using Shape = llvm::SmallVector<int64_t, 4>;
/// By name, in the order of insertion.
template <typename T>
using NamedMap = llvm::MapVector<std::string, T, std::map<std::string, unsigned>>;

struct Object;
struct CallSite;

/// Something that is built into the language.
struct Primitive {
  llvm::StringRef name;
  /// Parameter names; "x?" may be left out, "x*" takes all further arguments.
  std::vector<llvm::StringRef> parameters;
  Object (Elaborator::*build)(CallSite &site);
};

/// A value of the language.
struct Object {
  enum class Kind {
    Poison,
    None,
    Number,
    Bool,
    String,
    Tuple,
    Range,
    Function,
    Tensor,
    Ellipsis,
    Batch
  };
  Kind kind = Kind::Poison;
  double number = 0;
  bool integer = false; // Number
  bool boolean = false;
  std::string string;
  std::vector<Object> elements; // Tuple; Range: both ends

  // Function: one of
  const ast::Function *function = nullptr;
  const ast::Lambda *lambda = nullptr;
  const Primitive *primitive = nullptr;
  std::string elementwise;                // a dl op by name
  std::shared_ptr<Object> differentiated; // grad(f)
  ScopePtr scope;                         // of a lambda

  mlir::Value tensor;
  bool batched = false;
  bool counts = false; // how often classes meet, of count_pairs
  bool label = false;  // a class as the data gives it: a name, not a quantity

  bool isPoison() const { return kind == Kind::Poison; }
  bool is(Kind k) const { return kind == k; }
  bool isTensor() const { return kind == Kind::Tensor; }
  static Object none() { return ofKind(Kind::None); }
  static Object ofKind(Kind k) {
    Object o;
    o.kind = k;
    return o;
  }
  static Object ofNumber(double value, bool integer = false) {
    Object o = ofKind(Kind::Number);
    o.number = value;
    o.integer = integer;
    return o;
  }
  static Object ofBool(bool value) {
    Object o = ofKind(Kind::Bool);
    o.boolean = value;
    return o;
  }
};

struct Scope {
  llvm::StringMap<Object> names;
  ScopePtr parent;
  bool library = false; // of the standard library, which the program's own names do not change
};

/// A call's arguments, evaluated, and where they stand.
struct CallSite {
  struct Argument {
    std::string name; // empty: by position
    Object value;
    SourceRange range;
    const ast::Expr *expr = nullptr;
  };
  std::string callee;
  SourceRange range;
  std::vector<Argument> arguments;
  // For primitives, by parameter:
  std::vector<Object> values;
  std::vector<SourceRange> ranges;
};

/// Where parameters are being made: `classify.dense_1`.
struct Frame {
  std::string path;
  llvm::StringMap<int> calls;
};

enum class Phase { Generate, Init, Fit, Train, Evaluate, Predict, Series };

class Elaborator {
public:
  Elaborator(const ast::Program &program, Sources &sources, Diagnostics &diagnostics,
             mlir::MLIRContext &context, const ElaborateOptions &options, ProgramInfo &info);
  ~Elaborator();
  mlir::OwningOpRef<mlir::ModuleOp> run();

  //===--- Primitives (Primitives*.cpp) ---===//
  Object primSum(CallSite &site);
  Object primMean(CallSite &site);
  Object primMax(CallSite &site);
  Object primMin(CallSite &site);
  Object primWhere(CallSite &site);
  Object primReshape(CallSite &site);
  Object primFlatten(CallSite &site);
  Object primScalar(CallSite &site);
  Object primExpand(CallSite &site);
  Object primTranspose(CallSite &site);
  Object primConcat(CallSite &site);
  Object primSplit(CallSite &site);
  Object primPad(CallSite &site);
  Object primTake(CallSite &site);
  Object primIota(CallSite &site);
  Object primFull(CallSite &site);
  Object primZeros(CallSite &site);
  Object primOnes(CallSite &site);
  Object primCast(CallSite &site);
  Object primShape(CallSite &site);
  Object primSize(CallSite &site);
  Object primLinspace(CallSite &site);
  Object primRandomUniform(CallSite &site);
  Object primRandomNormal(CallSite &site);
  Object primGrad(CallSite &site);
  Object primMatmul(CallSite &site);
  Object primCrossCount(CallSite &site);

private:
  friend struct PhaseGuard;

  //===--- Program (Elaborator.cpp, and one file for each section) ---===//
  void registerFunctions(const ast::Program &source, llvm::StringMap<const ast::Function *> &table);
  void parseStandardLibrary();
  void applyOverrides();
  mlir::func::FuncOp startFunction(Phase phase, llvm::StringRef name, int64_t batch);
  void finishFunction(mlir::func::FuncOp function);
  void elaborateData();
  void elaborateField(const ast::Stmt &statement);
  bool elaborateColumns(const ast::Stmt &statement, FieldInfo &field);
  void elaborateMissing(const ast::Argument &argument, llvm::StringRef callee, FieldInfo &field);
  void generateField(const ast::Stmt &statement, FieldInfo &field);
  void elaborateDataCall(const ast::Stmt &statement);
  void elaborateSplitSetting(const std::string &name, const ast::Expr &expr);
  void finishSplit(SourceRange range);
  void elaborateTrainSettings();
  void elaborateTrainSetting(const std::string &name, const ast::Expr &value);
  void elaborateKeep(const ast::Expr &value);
  void elaborateTrain();
  const ast::Function *findOptimizer(const ast::Call *&outCall);
  bool bindOptimizer(const ast::Function &optimizer, const ast::Call *call, const ScopePtr &scope);
  Object transformGradient(const std::string &path, mlir::Value gradient, mlir::Value gradientNorm);
  void elaborateUpdate(const std::string &path, const Object &gradient,
                       const ast::Function &optimizer, const ast::Call *call);
  void elaborateFit();
  void elaborateEvaluate();
  void elaborateReportValue(const ast::Stmt &statement);
  void checkKept();
  void elaborateSeries();
  void elaboratePredict();
  bool isSeries(const ast::Stmt &statement) const;
  Object gradientNorms(const ast::Call &call, ReportInfo &entry);
  const ast::Expr *trainEntry(llvm::StringRef name) const;
  const ast::Call *findModelCall(const ast::Expr *expr) const;
  const ast::Call *findModelCall(const ast::Block &block) const;
  mlir::Value elaborateLoss();
  /// Moves the ops after `marker` into a dl.grad over the parameters they use. Returns the
  /// derivatives by path.
  NamedMap<mlir::Value> wrapGradient(mlir::Operation *marker, mlir::Value &loss);
  void emitUpdates();
  void output(llvm::StringRef name, mlir::Value value);

  //===--- Statements (ElaborateStatements.cpp) ---===//
  Object evaluateBlock(const ast::Block &block, const ScopePtr &scope);
  void declare(const ast::Stmt &statement, const ScopePtr &scope);
  Object declareName(const ast::Stmt &statement, const ast::Identifier &name,
                     const ScopePtr &scope);
  Object declareFitted(const ast::Stmt &statement, const ast::Identifier &name,
                       const std::string &path, const ScopePtr &scope);
  void update(const ast::Stmt &statement, const ScopePtr &scope);

  //===--- Expressions (ElaborateExpressions.cpp) ---===//
  Object evaluate(const ast::Expr &expr, const ScopePtr &scope);
  Object evaluateKind(const ast::Expr &expr, const ScopePtr &scope);
  Object evaluateName(const ast::Name &name, const ScopePtr &scope);
  Object evaluateUnary(const ast::Unary &unary, const ScopePtr &scope);
  Object evaluateBinary(const ast::Binary &binary, const ScopePtr &scope);
  Object evaluateMember(const ast::Member &member);
  Object evaluateIf(const ast::If &choice, const ScopePtr &scope);
  Object evaluateSubscript(const ast::Subscript &subscript, const ScopePtr &scope);
  Object subscriptTensor(const ast::Subscript &subscript, const Object &base,
                         const ScopePtr &scope);
  std::optional<int64_t> evaluateInt(const ast::Expr &expr, const ScopePtr &scope,
                                     llvm::StringRef what);
  std::optional<double> evaluateNumber(const ast::Expr &expr, const ScopePtr &scope,
                                       llvm::StringRef what);

  //===--- Names (Names.cpp) ---===//
  /// None if nothing has the name.
  Object lookup(llvm::StringRef name, const ScopePtr &scope);
  std::optional<Object> lookupProgram(llvm::StringRef name);
  Object lookupBuiltIn(llvm::StringRef name);
  std::vector<std::string> visibleNames(const ScopePtr &scope);
  Object unknownName(const ast::Name &name, const std::vector<std::string> &known);
  void checkNames(); // CheckNames.cpp

  //===--- Calls (ElaborateCalls.cpp) ---===//
  Object evaluateCall(const ast::Call &call, const ScopePtr &scope);
  Object apply(const Object &function, CallSite &site);
  Object applyFunction(const ast::Function &function, CallSite &site);
  Object applyLambda(const Object &lambda, CallSite &site);
  Object applyPrimitive(const Primitive &primitive, CallSite &site);
  Object applyElementwise(const std::string &name, CallSite &site);
  bool bind(const std::vector<ast::Parameter> &parameters, CallSite &site, const ScopePtr &scope,
            SourceRange declared);
  bool checkType(const Object &value, const ast::Type &type, const ScopePtr &scope, SourceRange at,
                 llvm::StringRef what);
  std::optional<Shape> evaluateShape(const ast::Type &type, const ScopePtr &scope);
  bool isLibrary(uint32_t file) const;
  Object poison() { return {}; }
  Object fail(SourceRange range, const llvm::Twine &message);

  //===--- grad(f)(x) (ElaborateGradient.cpp) ---===//
  Object applyGradient(const Object &function, CallSite &site);
  /// A dl.grad of `function` at `points`; none on a mistake.
  GradOp buildGradient(const Object &function, const CallSite &site,
                       const std::vector<Object> &points);

  //===--- Tensors (Tensors.cpp) ---===//
  mlir::Type realType() const;
  mlir::Type elementType(llvm::StringRef name) const;
  std::string describe(const Object &value) const;
  Shape shapeOf(const Object &value) const;
  mlir::Type elementOf(const Object &value) const;
  mlir::RankedTensorType typeFor(llvm::ArrayRef<int64_t> shape, bool batched,
                                 mlir::Type element) const;
  Object ofTensor(mlir::Value value, bool batched) const;
  /// A tensor object for a number or bool; poison with a message for anything else.
  Object toTensor(const Object &value, mlir::Type element, SourceRange range);
  /// Reports arithmetic on a class label.
  bool refuseLabel(const Object &value, SourceRange range);
  Object castTo(const Object &value, mlir::Type element);
  mlir::Value broadcastTo(const Object &value, llvm::ArrayRef<int64_t> shape, bool batched);
  std::optional<Shape> commonShape(llvm::ArrayRef<Object> values) const;
  mlir::Type commonElement(llvm::ArrayRef<Object> values);
  /// Dimensions of the tensor (the batch included) that `over` names; none on a mistake.
  std::optional<Shape> reducedDims(const Object &x, const Object &over, SourceRange range);
  template <typename Op> Object reduce(CallSite &site);
  mlir::Value meanOf(mlir::Value x, llvm::ArrayRef<int64_t> dims);
  Object reshapeTo(const Object &x, llvm::ArrayRef<int64_t> shape);
  /// Whole numbers from `least` on, one by one or as one tuple.
  std::optional<Shape> shapeArguments(CallSite &site, size_t first, int64_t least = 1);
  std::optional<int64_t> axisOf(const Object &x, const Object &axis, int64_t fallback,
                                SourceRange range, int64_t extra = 0);
  Object randomTensor(CallSite &site, llvm::StringRef distribution);
  bool checkSize(llvm::ArrayRef<int64_t> shape, SourceRange range);

  //===--- Arithmetic (Arithmetic.cpp) ---===//
  Object elementwise(llvm::StringRef op, std::vector<Object> operands, SourceRange range,
                     llvm::StringRef shown, llvm::ArrayRef<SourceRange> ranges);
  Object matmul(Object lhs, Object rhs, SourceRange range, SourceRange lhsRange,
                SourceRange rhsRange);
  Object power(const Object &base, const Object &exponent, SourceRange range,
               llvm::ArrayRef<SourceRange> ranges);

  //===--- Warnings (Lint.cpp) ---===//
  /// All ops that a value needs, nested ones by the op that holds them.
  llvm::SetVector<mlir::Operation *> computedFrom(mlir::Value value) const;
  /// Where the program asked for an op.
  SourceRange place(mlir::Operation *op) const;
  void lintLoss(mlir::Value loss);
  void lintParameters(const NamedMap<mlir::Value> &gradients);
  void lintPrediction(mlir::Value prediction);

  //===--- Variables (Variables.cpp) ---===//
  struct Variable {
    std::string kind;
    mlir::RankedTensorType type;
    SourceRange range;
  };
  Object declareVariable(const std::string &path, const std::string &kind,
                         llvm::ArrayRef<int64_t> shape, mlir::Type element, SourceRange range);
  void initialise(const std::string &path, const ast::Expr *initial, const ScopePtr &scope,
                  SourceRange range);
  mlir::Value readVariable(const std::string &path);
  Object inputField(const std::string &name);
  /// The place of the ops that are made from here on: the innermost expression of the program. What
  /// the library makes stands where the program asked for it.
  void setLocation(SourceRange range);

  const ast::Program &program;
  Sources &sources;
  Diagnostics &diagnostics;
  mlir::MLIRContext &context;
  const ElaborateOptions &options;
  ProgramInfo &info;
  mlir::ImplicitLocOpBuilder b;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  std::vector<std::unique_ptr<ast::Program>> libraries;
  llvm::SmallSet<uint32_t, 16> libraryFiles;
  std::vector<ast::StmtPtr> overrides; // --set
  llvm::StringMap<const ast::Function *> userFunctions, standardFunctions;
  llvm::StringMap<const ast::Expr *> settings, trainOverrides, splitOverrides, optimizerOverrides;
  llvm::StringMap<Object> settingValues;
  llvm::StringMap<bool> settingsInProgress;
  llvm::StringMap<SourceRange> fieldRanges;
  llvm::StringMap<bool> wrongFields; // a mistake in their declaration was reported
  llvm::StringMap<Object> generated; // fields of @generate
  ScopePtr global;
  std::vector<std::weak_ptr<Scope>> enclosing; // of lambdas, which their names may hold in turn

  // Of the function that is being made:
  Phase phase = Phase::Generate;
  mlir::func::FuncOp function, initFunction;
  NamedMap<mlir::Value> reads;
  llvm::StringMap<mlir::Value> inputs;
  NamedMap<mlir::Value> updates; // variable -> new value
  /// The parameter whose update is being made, and by which optimizer.
  std::string optimizedPath, optimizerName;

  /// Of all gradients together: a name of the training step while 'gradient' is evaluated, in
  /// functions such as clip_norm too.
  mlir::Value gradientNorm;

  NamedMap<Variable> variables;
  llvm::StringMap<bool> initialised;
  std::vector<Frame> frames;
  std::optional<Shape> initialShape; // of the variable whose initial value is being made
  int64_t randomStreams = 0;
  llvm::DenseMap<mlir::Location, SourceRange> places;
  std::vector<const ast::Block *> blocks; // that are being evaluated
  unsigned callDepth = 0;
  llvm::DenseMap<const void *, unsigned> running; // calls of each function that have not ended
  llvm::SmallPtrSet<const void *, 4>
      endless;            // functions that were found to call themselves forever
  unsigned nesting = 0;   // of expressions that are being evaluated
  unsigned work = 0;      // expressions evaluated so far: a bound on what any program can ask for
  bool exhausted = false; // one of the two went too far: what is left is not looked at
};

/// All primitives, by name.
const llvm::StringMap<Primitive> &primitives();

} // namespace dlc

#endif
